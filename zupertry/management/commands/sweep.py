"""`manage.py sweep`: every sweeper, once."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.webhooks import delivery
from tryon import sweeping


class Command(BaseCommand):
    help = "Wake lost jobs and due deliveries, and delete pictures whose retention has ended. Prints what was found."

    def handle(self, *args: Any, **options: Any) -> None:
        found = {**sweeping.sweep(), "deliveries": delivery.sweep()}
        self.stdout.write(", ".join(f"{name.replace('_', ' ')}: {number}" for name, number in found.items()))
