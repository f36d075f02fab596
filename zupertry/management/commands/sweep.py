"""`manage.py sweep`: every sweeper, once."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import mails
from accounts.dashboard import sessions
from accounts.webhooks import delivery
from billing import sweeping as billing_sweeping
from tryon import sweeping
from zupertry.data import sweeping as data_sweeping


class Command(BaseCommand):
    help = "Find lost and due work once: jobs, pictures, deliveries, mails, payments, deletions. Prints what was found."

    def handle(self, *args: Any, **options: Any) -> None:
        found = {
            **sweeping.sweep(),
            **sweeping.delete_pictures(),
            "deliveries": delivery.sweep(),
            "mails": mails.sweep(),
        }
        found["expired_sessions"] = sessions.delete_expired()
        found |= {**billing_sweeping.sweep(), **data_sweeping.sweep()}
        self.stdout.write(", ".join(f"{name.replace('_', ' ')}: {number}" for name, number in found.items()))
