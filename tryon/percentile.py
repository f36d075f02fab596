"""Percentiles as the SQL standard's `percentile_cont` has them: linear between the two nearest values.

PostgreSQL has the function. On SQLite, which has not, an aggregate of the same name is registered for each connection.
"""

import math
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Aggregate
from django.db.models.sql.compiler import SQLCompiler


class PercentileCont(Aggregate):
    """The value below which `fraction` (0 to 1) of the values lie; None when there are none. Nulls don't count."""

    function = "percentile_cont"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"

    def __init__(self, expression: Any, *, fraction: float, **extra: Any) -> None:
        super().__init__(expression, fraction=fraction, **extra)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        """Call the registered aggregate, which takes the fraction beside the value."""
        called = self.copy()
        called.template = "%(function)s(%(expressions)s, %(fraction)s)"
        return called.as_sql(compiler, connection, **extra)


class SqlitePercentileCont:
    """The aggregate as SQLite calls it: `step` for each row of a group, `finalize` at its end."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.fraction = 0.0

    def step(self, value: float | None, fraction: float) -> None:
        """Take a row's value."""
        self.fraction = fraction
        if value is not None:
            self.values.append(value)

    def finalize(self) -> float | None:
        """Return the percentile of the values taken."""
        return percentile_cont(self.values, self.fraction)


def percentile_cont(values: list[float], fraction: float) -> float | None:
    """Return the percentile of numbers in any order; None of none."""
    if not values:
        return None
    ordered = sorted(values)
    position = fraction * (len(ordered) - 1)
    below, above = ordered[math.floor(position)], ordered[math.ceil(position)]
    return below + (above - below) * (position - math.floor(position))


def register(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Give a new connection to SQLite the aggregate."""
    if connection.vendor == "sqlite":
        connection.connection.create_aggregate("percentile_cont", 2, SqlitePercentileCont)
