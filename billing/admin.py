"""What staff see of money, and the little of it that they change: plans, and the packs on sale."""

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import Case, F, Model, When
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.staff.admin import ReadOnlyAdmin, StaffAdmin
from billing import catalogue
from billing.models import (
    AutoReload,
    CreditAccount,
    CreditPack,
    Discrepancy,
    GatewayEvent,
    Invoice,
    LedgerEntry,
    Payment,
    PaymentMethod,
    Plan,
    Reversal,
)
from zupertry.core.money import format_count, format_minor

if TYPE_CHECKING:  # Django's classes take type arguments in their stubs only
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _TabularInline = admin.TabularInline

WRONG_FIRST = Case(
    When(status=Payment.Status.QUARANTINED, then=0), When(status=Payment.Status.FAILED, then=1), default=2
)


@admin.register(Plan)
class PlanAdmin(StaffAdmin):
    """Plans. Organisations hold a plan's code, so it never changes."""

    list_display = ["name", "code", "signup_credits"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """Keep the code of a plan that is there."""
        return ["code"] if obj else []


@admin.register(CreditPack)
class CreditPackAdmin(StaffAdmin):
    """Packs. One that was bought stays as it was, and only ends: any other change of it makes a new pack."""

    list_display = ["credits_sold", "price", "plan", "moves_to", "active_from", "active_until"]
    list_filter = ["currency", "plan", ("active_until", admin.EmptyFieldListFilter)]
    list_select_related = ["plan", "moves_to"]
    ordering = ["currency", "plan", "credits", "-pk"]
    readonly_fields = ["id", "created_at"]

    @admin.display(description="credits", ordering="credits")
    def credits_sold(self, pack: CreditPack) -> str:
        """The credits, grouped."""
        return format_count(pack.credits, pack.currency)

    @admin.display(description="price before tax", ordering="price_minor")
    def price(self, pack: CreditPack) -> str:
        """The price, with its currency."""
        return format_minor(pack.price_minor, pack.currency)

    def save_model(self, request: HttpRequest, obj: CreditPack, form: Any, change: bool) -> None:
        """Save a pack, or put a new one in the place of one that was bought."""
        if change and set(form.changed_data) - {"active_until"} and catalogue.was_bought(obj.pk):
            catalogue.replace(obj)
            note = "It has been bought, so it ended now as it was, and this is a new pack. Auto-reload with it stops."
            self.message_user(request, note, messages.WARNING)
        else:
            super().save_model(request, obj, form, change)


class ReversalInline(_TabularInline):
    """Refunds and disputes of a payment."""

    model = Reversal
    fields = ["created_at", "kind", "reference", "amount_minor", "credits", "undone_at"]
    readonly_fields = ["created_at", "kind", "reference", "amount_minor", "credits", "undone_at"]
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let nobody write a row."""
        del request, obj
        return False


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    """Payments: first those that are quarantined, then those that failed, then the newest."""

    list_display = ["id", "status", "amount", "credits", "organisation", "created_at", "purpose", "gateway", "failure"]
    list_filter = ["status", "gateway", "purpose", "currency"]
    list_select_related = ["organisation"]
    ordering = [WRONG_FIRST, "-pk"]
    search_fields = ["id", "organisation", "checkout_reference", "gateway_reference", "idempotency_key"]
    ids_searched = {"id": "pay", "organisation": "org"}
    search_help_text = (
        "Id of a payment or organisation, or a gateway's reference (pi_…, cs_…, pay_…, order_…), in full."
    )
    readonly_fields = ["amount"]
    inlines = [ReversalInline]

    @admin.display
    def amount(self, payment: Payment) -> str:
        """What was to be paid, tax included."""
        return format_minor(payment.amount_minor, payment.currency)


@admin.register(Reversal)
class ReversalAdmin(ReadOnlyAdmin):
    """Refunds and disputes."""

    list_display = ["reference", "created_at", "kind", "amount", "credits", "payment_id", "organisation", "undone_at"]
    list_filter = ["kind", ("undone_at", admin.EmptyFieldListFilter)]
    list_select_related = ["payment__organisation"]
    ordering = ["-pk"]
    search_fields = ["id", "reference", "payment", "payment__gateway_reference", "payment__organisation"]
    ids_searched = {"id": "rev", "payment": "pay", "payment__organisation": "org"}
    search_help_text = "Id of a payment or organisation, or a gateway's reference, in full."

    @admin.display
    def amount(self, reversal: Reversal) -> str:
        """What went back."""
        return format_minor(reversal.amount_minor, reversal.payment.currency)

    @admin.display
    def organisation(self, reversal: Reversal) -> str:
        """Whose payment it was."""
        return str(reversal.payment.organisation)


@admin.register(GatewayEvent)
class GatewayEventAdmin(ReadOnlyAdmin):
    """What the gateways told us, and whether it has been processed."""

    list_display = [
        "reference",
        "created_at",
        "gateway",
        "type",
        "processed_at",
        "attempts",
        "next_attempt_at",
        "error",
    ]
    list_filter = ["gateway", ("processed_at", admin.EmptyFieldListFilter), ("error", admin.EmptyFieldListFilter)]
    ordering = ["-pk"]
    search_fields = ["id", "reference", "type"]
    ids_searched = {"id": "gev"}
    search_help_text = "The gateway's id of the event, or a type such as charge.refunded, in full."
    readonly_fields = ["body"]

    @admin.display
    def body(self, event: GatewayEvent) -> SafeString:
        """The payload, indented."""
        return format_html("<pre>{}</pre>", json.dumps(event.payload, indent=2, ensure_ascii=False))

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Show the payload once."""
        return [name for name in super().get_fields(request, obj) if name != "payload"]


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    """Our own tax invoices, and links to Stripe's."""

    list_display = ["__str__", "created_at", "organisation", "payment_id", "url"]
    list_select_related = ["organisation"]
    ordering = ["-pk"]
    search_fields = ["id", "number", "payment", "organisation"]
    ids_searched = {"id": "inv", "payment": "pay", "organisation": "org"}
    search_help_text = "The invoice's number, or the id of a payment or organisation, in full."


@admin.register(Discrepancy)
class DiscrepancyAdmin(ReadOnlyAdmin):
    """Where a gateway and we do not agree: first what is not mended, then the newest."""

    list_display = ["kind", "created_at", "gateway", "reference", "payment_id", "details", "resolved_at"]
    list_filter = [("resolved_at", admin.EmptyFieldListFilter), "gateway"]
    ordering = [F("resolved_at").desc(nulls_first=True), "-pk"]
    search_fields = ["id", "reference", "payment"]
    ids_searched = {"id": "dis", "payment": "pay"}
    search_help_text = "A gateway's reference or the id of a payment, in full."


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """Every change of credits, newest first."""

    list_display = [
        "id",
        "created_at",
        "organisation",
        "kind",
        "available_delta",
        "reserved_delta",
        "reference",
        "note",
    ]
    list_filter = ["kind"]
    list_select_related = ["account__organisation"]
    ordering = ["-pk"]
    search_fields = ["id", "reference", "account"]
    ids_searched = {"id": "led", "account": "org"}
    search_help_text = "What it is for (job_…, pay_…, re_…) or the id of an organisation, in full."

    @admin.display
    def organisation(self, entry: LedgerEntry) -> str:
        """Whose credits changed."""
        return str(entry.account.organisation)


@admin.register(CreditAccount)
class CreditAccountAdmin(ReadOnlyAdmin):
    """Balances, those that are owed first."""

    list_display = ["organisation", "organisation_id", "available", "reserved", "low_balance_at", "low_balance_told_at"]
    list_select_related = ["organisation"]
    ordering = ["available", "pk"]
    search_fields = ["organisation"]
    ids_searched = {"organisation": "org"}
    search_help_text = "Id of an organisation, in full."


@admin.register(AutoReload)
class AutoReloadAdmin(ReadOnlyAdmin):
    """Who buys credits by itself, and why somebody does not any more."""

    list_display = ["organisation", "enabled", "threshold", "pack", "failures_in_a_row", "claimed_at", "off_because"]
    list_filter = ["enabled"]
    list_select_related = ["organisation", "pack"]
    ordering = ["-failures_in_a_row", "pk"]
    search_fields = ["organisation"]
    ids_searched = {"organisation": "org"}
    search_help_text = "Id of an organisation, in full."

    @admin.display(description="switched off because")
    def off_because(self, reload: AutoReload) -> str:
        """Why it is off, if it was not a person who switched it."""
        return reload.switched_off_because


@admin.register(PaymentMethod)
class PaymentMethodAdmin(ReadOnlyAdmin):
    """What buyers chose to keep."""

    list_display = ["__str__", "organisation", "status", "is_default", "gateway", "reference", "expires_on"]
    list_filter = ["status", "gateway", "kind"]
    list_select_related = ["organisation"]
    ordering = ["-pk"]
    search_fields = ["id", "reference", "organisation"]
    ids_searched = {"id": "pm", "organisation": "org"}
    search_help_text = "The gateway's reference (pm_…, token_…) or the id of an organisation, in full."
