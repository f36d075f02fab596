"""Organisations, as staff search, see and help them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.models import Organisation
from accounts.staff import cells
from accounts.staff.admin import ReadOnlyAdmin
from accounts.staff.filters import StateFilter
from accounts.staff.links import link_to
from accounts.staff.sections import Table, WithSections
from billing.models import Plan
from zupertry.core.money import format_count
from zupertry.staff import organisation_page
from zupertry.staff.organisation_actions import ACTIONS
from zupertry.staff.organisation_search import meant_by


class PlanFilter(admin.SimpleListFilter):
    """Those on one plan. The choices are the plans that there are, not those that are found in the table."""

    title = "plan"
    parameter_name = "plan"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Return the plans."""
        del request, model_admin
        return list(Plan.objects.order_by("code").values_list("code", "name"))

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Organisation]") -> "QuerySet[Organisation]":
        """Select those on the chosen one."""
        del request
        return queryset.filter(plan=self.value()) if self.value() else queryset


class OrganisationState(StateFilter):
    """Whether it works, and whether it stays."""

    states = {
        "suspended": Q(suspended_at__isnull=False),
        "to-be-deleted": Q(deletion_due_at__isnull=False, deleted_at=None),
        "deleted": Q(deletion_due_at__isnull=False, deleted_at__isnull=False),
    }


@admin.register(Organisation)
class OrganisationAdmin(WithSections, ReadOnlyAdmin):
    """Customers."""

    list_display = ["name", "standing", "plan", "region", "credits_available", "created_at", "code"]
    list_filter = [OrganisationState, PlanFilter, "region"]
    list_select_related = ["credit_account"]
    ordering = ("-pk",)
    search_fields = ["name"]
    search_help_text = (
        "Beginning of the name; a member's e-mail address; a key as it is shown (zt_live_sk_…abcd) or its last four "
        "characters; a request id; any id: org_, usr_, key_, job_, ws_, pay_, whd_, evt_ …"
    )
    fields = [
        *("name", "code", "standing", "on_plan", "region", "country", "rate_limit_per_minute", "created_at"),
        *("webhook_url", "suspended_at", "deletion_due_at", "closed_at", "deleted_at"),
    ]
    staff_actions = ACTIONS

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return those that are meant."""
        del request
        term = search_term.strip()
        return (queryset.filter(meant_by(term)) if term else queryset), False

    def sections(self, row: Organisation) -> Sequence[Table]:
        """Return all that belongs to it."""
        return organisation_page.sections_of(row)

    def figures(self, row: Organisation) -> Mapping[str, Any]:
        """Return its balance."""
        return organisation_page.figures_of(row)

    @admin.display(description="id")
    def code(self, organisation: Organisation) -> str:
        """The id."""
        return cells.code(organisation.pk)

    @admin.display(description="credits")
    def credits_available(self, organisation: Organisation) -> str:
        """What is available, grouped as where it is billed."""
        return format_count(organisation.credit_account.available, organisation.currency)

    @admin.display(description="plan")
    def on_plan(self, organisation: Organisation) -> SafeString:
        """What it is offered."""
        return link_to(Plan.objects.get(pk=organisation.plan))

    @admin.display(description="webhook URL")
    def webhook_url(self, organisation: Organisation) -> SafeString:
        """Where it is told of its jobs, unless a job says otherwise."""
        return link_to(organisation.webhook_endpoint, organisation.webhook_endpoint.url or "none")

    @admin.display(description="state")
    def standing(self, organisation: Organisation) -> str:
        """In a word, how it is with it."""
        states = {
            "deleted": organisation.deleted_at,
            "closed, being erased": organisation.closed_at,
            "to be deleted": organisation.deletion_due_at,
            "suspended": organisation.suspended_at,
        }
        return cells.state(next((name for name, since in states.items() if since), "active"))
