"""The whole of an organisation as one JSON document, which is sent as it is read: memory stays the same, however much.

Its shape is in docs/data.md; which fields of which table are in it, and which are not, is in `tables.py`.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import Organisation
from zupertry.core.connections import release_connection
from zupertry.data.tables import TABLES, Table

FORMAT = "zupertry.organisation"
VERSION = 1
BATCH = 100
"""So few, for a delivery may have a dozen attempts with 16 KB of answer each."""


def document(organisation: Organisation) -> Iterator[str]:
    """Yield the document piece by piece: its head, then each table as a list of rows, the oldest first."""
    head = {"format": FORMAT, "version": VERSION, "exported_at": timezone.now(), "organisation_id": organisation.id}
    yield _json(head)[:-1]
    for table in TABLES:
        yield f',\n"{table.name}": ['
        yield from _separated(rows(table, organisation.id))
        yield "]"
    yield "}\n"


def rows(table: Table, organisation_id: str) -> Iterator[dict[str, Any]]:
    """Yield the organisation's rows of a table, each as its exported fields."""
    columns = {name: F(source) for name, source in table.joined.items()}
    for batch in _keys(table, organisation_id):
        found = table.model._default_manager.filter(**{f"{table.batch_by}__in": batch})
        read = list(found.order_by("pk").values(*table.fields, **columns))
        release_connection()  # who downloads may be slow
        yield from read


def _keys(table: Table, organisation_id: str) -> Iterator[list[Any]]:
    """Yield the keys that rows are read by: their own, or, without an index of their own, those of what they are of."""
    keyed: QuerySet[Any] = (table.through or table.model)._default_manager.filter(**{table.of: organisation_id})
    last = None
    while True:
        left = keyed if last is None else keyed.filter(pk__gt=last)
        keys = list(left.order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not keys:
            return
        yield keys
        last = keys[-1]


def _separated(rows_: Iterable[dict[str, Any]]) -> Iterator[str]:
    separator = "\n"
    for row in rows_:
        yield separator + _json(row)
        separator = ",\n"


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
