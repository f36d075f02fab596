"""Django's name for this app."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class TryonConfig(AppConfig):
    """Jobs, pictures and engines."""

    name = "tryon"
    verbose_name = "Try-on"

    def ready(self) -> None:
        """Let percentiles be asked of every database."""
        from tryon import percentile

        connection_created.connect(percentile.register)
