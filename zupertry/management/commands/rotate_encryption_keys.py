"""`manage.py rotate_encryption_keys`: seals every secret anew with the first of `ENCRYPTION_KEYS`."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.resealing import reseal_all


class Command(BaseCommand):
    help = (
        "Seal with the first of ENCRYPTION_KEYS what another of them has sealed. "
        "Exits with 1 while something is left for the other keys, or no key reads it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Change nothing: only count what is left to do.")

    def handle(self, *args: Any, **options: Any) -> None:
        outcomes = reseal_all(only_look=options["check"])
        for name, outcome in outcomes.items():
            self.stdout.write(f"{name}: {outcome.resealed} sealed anew, {outcome.waiting} left")
            if outcome.unreadable:
                self.stdout.write(f"  no key reads {len(outcome.unreadable)}: {', '.join(outcome.unreadable[:20])}")
        if any(outcome.unreadable for outcome in outcomes.values()):
            self.stdout.write("Put the key that sealed these back into ENCRYPTION_KEYS, behind the others.")
        elif any(outcome.waiting for outcome in outcomes.values()):
            self.stdout.write("Run this again; keep every key until nothing is left.")
        else:
            self.stdout.write("The first key reads everything: the others can be taken out of ENCRYPTION_KEYS.")
            return
        sys.exit(1)
