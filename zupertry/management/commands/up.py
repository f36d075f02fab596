"""`manage.py up`: everything in one process, on a laptop."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connections

from zupertry.checks import refuse_to_start
from zupertry.demo.banner import banner
from zupertry.demo.organisation import demo_organisation


class Command(BaseCommand):
    help = "Serve the web, run the worker and the beat, all in this one process. Migrates the database first."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="Make a demo organisation at the first start.")

    def handle(self, *args: Any, **options: Any) -> None:
        from zupertry.one_process import OneProcess

        refuse_to_start(alone=True)
        call_command("migrate", verbosity=0, interactive=False)
        greeting = banner(demo_organisation()) if options["demo"] else f"Zupertry: {settings.PUBLIC_URL}"
        connections.close_all()
        OneProcess(when_ready=lambda: self._say(greeting)).run()

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()  # before the worker forks and takes what is still unsaid along
