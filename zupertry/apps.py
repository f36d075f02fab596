"""Django's name for the wiring."""

from django.apps import AppConfig


class ZupertryConfig(AppConfig):
    """Route tables, commands and the checks of settings."""

    name = "zupertry"

    def ready(self) -> None:
        """Register the checks, and have crashes reported from here on."""
        from zupertry import checks, reports  # noqa: F401

        reports.start()
