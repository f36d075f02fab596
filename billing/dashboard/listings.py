"""Payments and ledger entries, newest first: pages that begin after a given row, and the ledger as CSV."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import Http404, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.dashboard.access import MemberRequest, member_view
from accounts.dashboard.actors import names_of
from billing.dashboard.forms import LedgerFilter
from billing.models import LedgerEntry, Payment
from zupertry.core import ids

RowT = TypeVar("RowT", bound=Model)

ROWS = 25
CSV_BATCH = 1_000
CSV_COLUMNS = ["id", "created_at", "kind", "available_delta", "reserved_delta", "reference", "actor", "note"]


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


@require_safe
@member_view("billing")
def payment_list(request: MemberRequest) -> HttpResponseBase:
    """`GET payments`: every purchase, with its invoice."""
    payments = Payment.objects.filter(organisation=request.organisation).select_related("invoice")
    context = {"page": page_of(payments, "pay", request.GET)}
    return render(request, "dashboard/billing/payments.html", context)


@require_safe
@member_view("billing")
def ledger_page(request: MemberRequest) -> HttpResponseBase:
    """`GET ledger`: every change of the credits."""
    form = LedgerFilter(request.GET)
    page = page_of(_entries(request, form), "led", request.GET)
    filters = {name: request.GET[name] for name in form.fields if request.GET.get(name)}
    names = names_of(request.organisation, {entry.actor for entry in page.rows})
    context = {
        "form": form,
        "page": page,
        "rows": [(entry, names[entry.actor]) for entry in page.rows],
        "filtered": bool(filters),
        "csv_query": urlencode(filters),
    }
    return render(request, "dashboard/billing/ledger.html", context)


@require_safe
@member_view("billing")
def ledger_csv(request: MemberRequest) -> HttpResponseBase:
    """`GET ledger.csv`: the same entries in full, sent row by row."""
    entries = _entries(request, LedgerFilter(request.GET)).order_by("-pk")
    name = f"ledger-{request.organisation.id}-{timezone.now():%Y-%m-%d}.csv"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(_csv_lines(entries), content_type="text/csv; charset=utf-8", headers=disposition)


def _entries(request: MemberRequest, form: LedgerFilter) -> "QuerySet[LedgerEntry]":
    form.is_valid()  # a filter that can't be read is reported beside its field, and filters nothing
    return LedgerEntry.objects.filter(account_id=request.organisation.id, **form.conditions())


class _Line:
    """What `csv.writer` writes to: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def _csv_lines(entries: "QuerySet[LedgerEntry]") -> Iterator[str]:
    writer: Any = csv.writer(_Line())
    yield writer.writerow(CSV_COLUMNS)
    for row in entries.values_list(*CSV_COLUMNS).iterator(chunk_size=CSV_BATCH):
        yield writer.writerow([_cell(value) for value in row])


def _cell(value: Any) -> Any:
    """Return a value as a spreadsheet may see it: a text that it would take for a formula is quoted."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value.isoformat() if hasattr(value, "isoformat") else value
