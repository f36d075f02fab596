"""Tables with as many rows as a busy service has after years, made by PostgreSQL itself in seconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models

from zupertry.core.ids import IdField

FIRST_MILLISECOND = 1_735_689_600_000
"""The first row is of 2025-01-01 (UTC), and each next one a minute younger."""

MOMENT = f"to_timestamp({FIRST_MILLISECOND} / 1000.0 + n * 60)"
_UUID = (
    f"(lpad(to_hex({FIRST_MILLISECOND} + n * 60000), 12, '0') || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid"
)

_EMPTY: list[tuple[type[Any], str]] = [
    (IdField, _UUID),
    (models.DateTimeField, MOMENT),
    (models.JSONField, "'{}'"),
    (models.BooleanField, "false"),
    (models.BinaryField, "decode(md5(n::text), 'hex')"),
    (models.IntegerField, "0"),
    (models.CharField, "''"),
    (models.TextField, "''"),
]


def nth_id(n: str) -> str:
    """Return the SQL of the id that `fill` gives to the row whose number is the expression `n`."""
    return _UUID.replace("n * 60000", f"({n}) * 60000").replace("to_hex(n)", f"to_hex({n})")


def fill(model: type[models.Model], rows: int, **columns: str) -> None:
    """Insert rows 1 to `rows`; `columns` are SQL expressions by column, in which `n` is the row's number.

    What is not given is null where it may be, or else empty. Indexes are built afterwards, all at once.
    """
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
    values = {str(field.column): columns.get(str(field.column)) or _value(field) for field in fields}
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor, _without_indexes(cursor, model._meta.db_table):
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(map(connection.ops.quote_name, values))}) "
            f"SELECT {', '.join(values.values())} FROM generate_series(1::bigint, {int(rows)}) AS n"
        )
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {table}")


def _value(field: "models.Field[Any, Any]") -> str:
    if field.null:
        return "NULL"
    if field.has_default() and not callable(field.default) and isinstance(field.default, (str, int)):
        return f"'{field.default}'" if isinstance(field.default, str) else str(field.default).lower()
    found = next((sql for kind, sql in _EMPTY if isinstance(field, kind)), None)
    assert found, f"say what {field} is to be"
    return found


@contextmanager
def _without_indexes(cursor: Any, table: str) -> Iterator[None]:
    """Drop the table's indexes and switch its triggers off meanwhile: a million rows pass each of them singly."""
    cursor.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND schemaname = current_schema() "
        "AND indexname NOT IN (SELECT conname FROM pg_constraint)",
        [table],
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
    yield
    for _, definition in indexes:
        cursor.execute(definition)
    cursor.execute("SET session_replication_role = DEFAULT; SET maintenance_work_mem = DEFAULT")
