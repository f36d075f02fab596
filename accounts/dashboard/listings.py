"""What listings share: one row, pages that begin after a given row, days as a filter, and rows as CSV."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import Http404, QueryDict
from django.http import StreamingHttpResponse as Response
from django.utils import timezone

from accounts.models import Organisation
from zupertry.core import ids

RowT = TypeVar("RowT", bound=Model)

ROWS = 25
CSV_BATCH = 1_000
FORMULA_BEGINS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """Some rows of a listing. `older` and `newest` are the queries of those pages; empty where there is none."""

    rows: list[RowT]
    older: str
    newest: str


def page_of(rows: "QuerySet[RowT]", prefix: str, query: QueryDict) -> Page[RowT]:
    """Return the rows after the one that the query's `before` names. Raises `Http404` when that is no id."""
    before = query.get("before", "")
    if before:
        if not ids.is_id(prefix, before):
            raise Http404
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: ROWS + 1])
    filters = {name: value for name, value in query.items() if value and name != "before"}
    older = f"?{urlencode({**filters, 'before': found[ROWS - 1].pk})}" if len(found) > ROWS else ""
    return Page(found[:ROWS], older, f"?{urlencode(filters)}" if before else "")


def row_of(rows: "QuerySet[RowT]", prefix: str, public_id: str) -> RowT:
    """Return the row with this id. Raises `Http404` when it is none of `rows`, or no id at all."""
    row = rows.filter(pk=public_id).first() if ids.is_id(prefix, public_id) else None
    if row is None:
        raise Http404
    return row


def made_on(prefix: str, since: date | None, until: date | None) -> dict[str, str]:
    """Return the condition that a row was made within these days of UTC, both included: ids rise with time."""
    condition = {}
    if since:
        condition["pk__gte"] = ids.encode(prefix, ids.first_at(datetime.combine(since, time.min, UTC)))
    if until:
        condition["pk__lt"] = ids.encode(prefix, ids.first_after(datetime.combine(until, time.max, UTC)))
    return condition


def csv_of(what: str, organisation: Organisation, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """Answer with a file of these rows, each sent as it is read."""
    return csv_file(f"{what}-{organisation.id}", columns, rows)


def csv_file(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """Answer with a file of this name and today's date; each row is sent as it is read."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}-{timezone.now():%Y-%m-%d}.csv"'}
    return Response(_lines(columns, rows), content_type="text/csv; charset=utf-8", headers=disposition)


class _Line:
    """What `csv.writer` writes to: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def _lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer: Any = csv.writer(_Line())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([_cell(value) for value in row])


def _cell(value: Any) -> Any:
    """Return a value as a spreadsheet may see it: a text that it would take for a formula is quoted.

    Some drop blanks before it, and take the wide signs of East Asian writing for the same.
    https://owasp.org/www-community/attacks/CSV_Injection
    """
    if isinstance(value, str) and (value[:1] in FORMULA_BEGINS or value.lstrip()[:1] in FORMULA_BEGINS):
        return f"'{value}"
    return value.isoformat() if hasattr(value, "isoformat") else value
