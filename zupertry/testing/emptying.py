"""Empties the tables after a test that commits, back to what the migrations left.

In place of Django's flush, which truncates every table and sends `post_migrate`. That takes a third of a second on
PostgreSQL, makes hundreds of permissions anew, and loses what our own migrations put in.
"""

from dataclasses import dataclass, field

from django.apps import apps
from django.db import connection, models, transaction

from billing.append_only import let_ledger_change, make_ledger_append_only

UNTOUCHED = frozenset({"django_migrations", "django_content_type", "auth_permission"})
"""Tables that no test writes to."""


@dataclass
class Pristine:
    """What the tables hold before the first test commits: `rows` by model, once they were looked at."""

    rows: dict[type[models.Model], list[models.Model]] | None = field(default=None, init=False)

    def remember(self) -> None:
        """Read what the migrations left, the first time only."""
        if self.rows is None:
            held = ((model, list(model._base_manager.all())) for model in _models())
            self.rows = {model: rows for model, rows in held if rows}

    def restore(self) -> None:
        """Delete everything, also from the ledger, and put back what was there."""
        assert self.rows is not None, "nothing is remembered"
        tables = connection.introspection.django_table_names(only_existing=False, include_views=False)
        with connection.schema_editor() as editor:
            let_ledger_change(editor)
        with transaction.atomic(), connection.cursor() as cursor:
            # In any order: foreign keys are looked at when the transaction ends.
            for table in sorted({*tables} - UNTOUCHED):
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
            for model, rows in self.rows.items():
                model._base_manager.bulk_create(rows)
        with connection.schema_editor() as editor:
            make_ledger_append_only(editor)


def _models() -> list[type[models.Model]]:
    every = apps.get_models(include_auto_created=True)
    return [model for model in every if model._meta.managed and model._meta.db_table not in UNTOUCHED]
