"""`manage.py settings_reference`: writes docs/operations/settings.md from .env.example."""

from typing import Any

from django.core.management.base import BaseCommand

from zupertry.settings_reference import PAGE, page


class Command(BaseCommand):
    help = "Write docs/operations/settings.md, the page of all settings, from .env.example."

    def handle(self, *args: Any, **options: Any) -> None:
        PAGE.write_text(page())
        self.stdout.write(f"Written: {PAGE}")
