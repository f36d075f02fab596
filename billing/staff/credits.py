"""Credits: what each organisation has, and every change of it."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.staff.admin import ReadOnlyAdmin
from accounts.staff.links import link_to, link_to_id, link_to_listing
from billing.models import CreditAccount, LedgerEntry, Payment, Reversal
from billing.staff.listing import NONE
from zupertry.core import ids


class LedgerEntryAdmin(ReadOnlyAdmin):
    """Every change of credits, newest first."""

    list_display = ["id", "created_at", "customer", "kind", "available_delta", "reserved_delta", "stands_for", "note"]
    list_filter = ["kind"]
    list_select_related = ["account__organisation"]
    ordering = ["-pk"]
    search_fields = ["id", "reference", "account"]
    ids_searched = {"id": "led", "account": "org"}
    search_help_text = "What it is for (job_…, pay_…, re_…) or the id of an organisation, in full."
    readonly_fields = ["customer", "stands_for", "reversal"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Name every kind beside a reference: so the index that makes the two unique together serves."""
        del request
        if not (term := search_term.strip()):
            return queryset, False
        matches = Q(kind__in=LedgerEntry.Kind.values, reference=term)
        if ids.is_id("led", term):
            matches |= Q(pk=term)
        if ids.is_id("org", term):
            matches |= Q(account=term)
        return queryset.filter(matches), False

    @admin.display(description="organisation")
    def customer(self, entry: LedgerEntry) -> SafeString:
        """Whose credits changed."""
        return link_to(entry.account.organisation)

    @admin.display(description="for")
    def stands_for(self, entry: LedgerEntry) -> SafeString:
        """What it is for: a link to the job or payment, else the reference."""
        return link_to_id(entry.reference)

    @admin.display
    def reversal(self, entry: LedgerEntry) -> SafeString:
        """The refund or dispute that it is for, if it is for one."""
        found = Reversal.objects.filter(reference=entry.reference).first()
        return link_to(found) if found else NONE


class CreditAccountAdmin(ReadOnlyAdmin):
    """Balances, the newest organisations' first: an index on what each job changes would slow every job down."""

    list_display = ["customer", "organisation_id", "available", "reserved", "low_balance_at", "low_balance_told_at"]
    list_display_links = ["organisation_id"]
    list_select_related = ["organisation"]
    ordering = ["-pk"]
    search_fields = ["organisation"]
    ids_searched = {"organisation": "org"}
    search_help_text = "Id of an organisation, in full."
    readonly_fields = ["entries", "payments"]

    @admin.display(description="organisation")
    def customer(self, account: CreditAccount) -> SafeString:
        """Whose they are."""
        return link_to(account.organisation)

    @admin.display(description="ledger")
    def entries(self, account: CreditAccount) -> SafeString:
        """Every change of it."""
        return link_to_listing(LedgerEntry, "Its ledger entries", account=account.pk)

    @admin.display
    def payments(self, account: CreditAccount) -> SafeString:
        """What was paid for it."""
        return link_to_listing(Payment, "Its payments", organisation=account.pk)
