"""`manage.py demo`: the main job from end to end, with a service of its own."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from zupertry.checks import refuse_to_start
from zupertry.demo.show import DemoFailed, show


class Command(BaseCommand):
    help = "Try a garment on a person, live and in test mode, through a service that this starts and stops."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--person", type=Path, help="A photo of one person facing the camera. Default: a portrait.")
        parser.add_argument("--garment", type=Path, help="A photo of a garment. Default: a T-shirt, drawn.")

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_to_start(alone=True)
        try:
            show(options["person"], options["garment"], settings.VAR_DIR / "demo", self.stdout.write)
        except (DemoFailed, RuntimeError, TimeoutError) as error:
            raise CommandError(str(error)) from error
