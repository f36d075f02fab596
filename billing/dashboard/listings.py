"""Payments and ledger entries, newest first: pages that begin after a given row, and the ledger as CSV."""

from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.dashboard.access import MemberRequest, member_view
from accounts.dashboard.actors import names_of
from accounts.dashboard.listings import CSV_BATCH, csv_of, page_of
from billing.dashboard.forms import LedgerFilter
from billing.models import LedgerEntry, Payment

CSV_COLUMNS = ["id", "created_at", "kind", "available_delta", "reserved_delta", "reference", "actor", "note"]


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
    rows = entries.values_list(*CSV_COLUMNS).iterator(chunk_size=CSV_BATCH)
    return csv_of("ledger", request.organisation, CSV_COLUMNS, rows)


def _entries(request: MemberRequest, form: LedgerFilter) -> QuerySet[LedgerEntry]:
    form.is_valid()  # a filter that can't be read is reported beside its field, and filters nothing
    return LedgerEntry.objects.filter(account_id=request.organisation.id, **form.conditions())
