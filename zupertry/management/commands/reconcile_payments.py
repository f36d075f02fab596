"""`manage.py reconcile_payments`: compares what the gateways say was paid with what was credited."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing.gateways.base import GatewayError
from billing.reconciliation import reconcile

WINDOW = timedelta(days=14)


def moment(text: str) -> datetime:
    """Read an ISO 8601 date or time; one without an offset is UTC. Raises `ValueError`."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = "Compare what the gateways say was paid with payments and ledger. Exits with 1 if anything differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=moment, help="ISO 8601, such as 2026-04-01. Default: fourteen days ago.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.PAYMENT_GATEWAYS:
            raise CommandError("No gateway is configured. Set STRIPE_SECRET_KEY or RAZORPAY_KEY_ID (.env.example).")
        since = options["since"] or timezone.now() - WINDOW
        try:
            found = reconcile(since)
        except GatewayError as error:
            raise CommandError(f"A gateway could not be asked: {error.message} Try again later.") from error
        if options["json"]:
            report = {"since": since.isoformat(), "differences": [item.as_dict() for item in found]}
            self.stdout.write(json.dumps(report))
        else:
            self.stdout.write(f"Since {since:%Y-%m-%d %H:%M} UTC: {len(found)} differences")
            for item in found:
                self.stdout.write(
                    f"{item.gateway} {item.reference} ({item.payment_id or 'no payment'}): {item.details}"
                )
        if found:
            sys.exit(1)
