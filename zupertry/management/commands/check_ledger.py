"""`manage.py check_ledger`: proves that every account is the sum of its entries."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing.models import CreditAccount, LedgerEntry
from billing.replay import check


class Command(BaseCommand):
    help = "Replay every account's ledger entries. Exits with 1 if any account differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = check()
        accounts, entries = CreditAccount.objects.count(), LedgerEntry.objects.count()
        if options["json"]:
            report = {"accounts": accounts, "entries": entries, "differences": [item.as_dict() for item in found]}
            self.stdout.write(json.dumps(report))
        else:
            self.stdout.write(f"{accounts} accounts, {entries} entries, {len(found)} differences")
            for item in found:
                self.stdout.write(
                    f"{item.organisation_id}: available {item.available}, by the ledger {item.available_by_ledger}; "
                    f"reserved {item.reserved}, by the ledger {item.reserved_by_ledger}"
                )
        if found:
            sys.exit(1)
