"""`manage.py doctor`: looks at everything that the service needs, and says what to do about what is broken."""

import json
import os
import sys
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from zupertry.doctor.examining import Line, examine
from zupertry.doctor.finding import Status
from zupertry.doctor.probe import THREAD_PREFIX
from zupertry.doctor.rounds import examinations


class Command(BaseCommand):
    help = (
        "Look at settings, database, broker, workers, storage, engine, gateways, mail, … Exits with 1 if any is broken."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        lines = examine(examinations())
        worst = next(
            (
                status
                for status in (Status.BROKEN, Status.WARNING)
                if any(line.finding.status == status for line in lines)
            ),
            Status.OK,
        )
        if options["json"]:
            self.stdout.write(json.dumps({"status": worst, "findings": [_as_json(line) for line in lines]}))
        else:
            width = max(len(line.part) for line in lines)
            for line in lines:
                text = f"{line.finding.found} {line.finding.advice}".strip()
                self.stdout.write(f"{line.finding.status:<8}  {line.part:<{width}}  {text}")
        self.stdout.flush()
        status = 1 if worst == Status.BROKEN else 0
        if any(thread.name.startswith(THREAD_PREFIX) for thread in threading.enumerate()):
            os._exit(status)  # a library's own threads would be waited for as long as it goes on trying
        if status:
            sys.exit(status)


def _as_json(line: Line) -> dict[str, str]:
    return {
        "part": line.part,
        "status": line.finding.status,
        "found": line.finding.found,
        "advice": line.finding.advice,
    }
