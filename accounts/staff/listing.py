"""Listings of any size: they are counted only so far, and narrowed to a year, a month or a day by their ids."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property

from zupertry.core import ids

if TYPE_CHECKING:  # Django's classes take type arguments in their stubs only
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

COUNTED = 10_000
"""How many rows are counted, and paged through, at most: a count of all reads all."""

_PERIOD = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")


class BoundedPaginator(_Paginator):
    """Pages through the first 10,000 rows. How many there are beyond them is an estimate of the database's."""

    @cached_property
    def count(self) -> int:
        """How many rows can be paged through."""
        return min(self._counted, COUNTED)

    @cached_property
    def _counted(self) -> int:
        # In their order, for which there is an index: out of order they would be read from the table's beginning.
        return self._rows[: COUNTED + 1].count()

    @property
    def _rows(self) -> QuerySet[Any]:
        assert isinstance(self.object_list, QuerySet)
        return self.object_list

    @cached_property
    def total(self) -> str:
        """How many rows there are, in words: exact up to 10,000."""
        if self._counted <= COUNTED:
            return f"{self._counted:,}"
        estimate = self._estimate()
        return f"about {estimate:,}" if estimate > COUNTED else f"more than {COUNTED:,}"

    def _estimate(self) -> int:
        """Return what PostgreSQL's statistics say of a whole table; 0 where nothing is known."""
        if connection.vendor != "postgresql" or self._rows.query.where:
            return 0
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [self._table])
            return max(0, int(cursor.fetchone()[0]))

    @property
    def _table(self) -> str:
        return connection.ops.quote_name(self._rows.model._meta.db_table)


class WhenFilter(SimpleListFilter):
    """A year, then its months, then their days (UTC): ids rise with time, so the primary key's index serves."""

    title = "date (UTC)"
    parameter_name = "when"
    template = "admin/when_filter.html"

    def __init__(self, request: HttpRequest, params: Any, model: type[Model], model_admin: "ModelAdmin[Any]") -> None:
        self._prefix: str = cast(ids.IdField, model._meta.pk).prefix
        first = model._default_manager.order_by("pk").values_list("pk", flat=True).first()
        self._first = ids.made_at(first) if first else timezone.now()
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Return the way up from the chosen period, and what is within it."""
        del request, model_admin
        value = self.value() or ""
        above = [value[:length] for length in (4, 7, 10) if length <= len(value)]
        return [(period, period) for period in [*above, *self._within(value)]]

    def _within(self, value: str) -> Iterator[str]:
        last = timezone.now().astimezone(UTC)
        if not value:
            yield from (str(year) for year in range(last.year, self._first.year - 1, -1))
            return
        if not (bounds := period_bounds(value)) or len(value) > len("2026-11"):
            return
        first_day = self._first.replace(hour=0, minute=0, second=0, microsecond=0)
        start, end = max(bounds[0], first_day), min(bounds[1] - timedelta(days=1), last)
        length = len("2026-11") if len(value) == len("2026") else len("2026-11-26")
        days = ((start + timedelta(days=number)) for number in range((end - start).days + 1))
        yield from dict.fromkeys(f"{day:%Y-%m-%d}"[:length] for day in days)

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        """Select the rows made within the period. What is none is told as a filter that can't be."""
        del request
        if not (value := self.value()):
            return queryset
        if not (bounds := period_bounds(value)):
            raise IncorrectLookupParameters
        first, after = (ids.encode(self._prefix, ids.first_at(moment)) for moment in bounds)
        return queryset.filter(pk__gte=first, pk__lt=after)


def period_bounds(text: str) -> tuple[datetime, datetime] | None:
    """Return where a year, month or day of UTC (`2026`, `2026-11`, `2026-11-26`) begins and where the next one does."""
    match = _PERIOD.fullmatch(text)
    if not match:
        return None
    year, month, day = (int(part) if part else 0 for part in match.groups())
    try:
        start = datetime(year, month or 1, day or 1, tzinfo=UTC)
        if day:
            return start, start + timedelta(days=1)
        if month:
            return start, (start + timedelta(days=32)).replace(day=1)
        return start, start.replace(year=year + 1)
    except (ValueError, OverflowError):
        return None
