"""`manage.py migrate`: Django's own, once the settings are right."""

from typing import Any

from django.core.management.commands import migrate

from zupertry.checks import refuse_to_start


class Command(migrate.Command):
    def check(self, *args: Any, **kwargs: Any) -> None:
        """Refuse as every process does: Django's checks before migrating open the database, or make an SQLite file."""
        refuse_to_start(alone=True)
