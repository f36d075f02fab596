"""Payments, and what went back of them."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.staff import cells
from accounts.staff.actions import Order, ReasonForm, StaffAction
from accounts.staff.admin import ReadOnlyAdmin
from accounts.staff.filters import StateFilter
from accounts.staff.links import link_to, link_to_actor
from billing import decisions, gateway_events, settlement
from billing.gateways.base import GatewayError
from billing.gateways.registry import gateways
from billing.models import AutoReload, Discrepancy, GatewayCustomer, Invoice, Payment, Reversal
from billing.staff import timeline
from billing.staff.listing import NONE, Waiting, elsewhere, links_to
from zupertry.core import ids
from zupertry.core.money import format_minor

if TYPE_CHECKING:  # Django's classes take type arguments in their stubs only
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _TabularInline = admin.TabularInline

MAY_RESOLVE = "billing.resolve_payment"


class DecisionForm(ReasonForm):
    """Asks what is to become of a quarantined payment, beside what is wrong with it."""

    decision = forms.ChoiceField(
        choices=[
            ("accept", "Accept: the organisation gets the credits, for what was paid"),
            ("refuse", "Refuse: no credits. Refund the money at the gateway, by hand"),
        ],
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["decision"].help_text = " ".join(row.failure for row in self.rows if isinstance(row, Payment))


def _look_again(payment: Payment, order: Order) -> str:
    after = decisions.look_again(payment, actor=order.actor, reason=order.reason)
    return f"It was {payment.status}, and is {after.status} now."


def _decide(payment: Payment, order: Order) -> str:
    if order.fields["decision"] == "accept":
        accepted = decisions.accept(payment, actor=order.actor, reason=order.reason)
        return f"Accepted, {accepted.credits:,} credits given."
    settlement.refuse(payment.id, actor=order.actor, reason=order.reason)
    return f"Refused. Refund it at {payment.get_gateway_display()} now."


class QuarantineFilter(StateFilter):
    """What staff have to decide."""

    title = "what needs attention"

    states = {"quarantined": Q(status=Payment.Status.QUARANTINED)}


class ReversalInline(_TabularInline):
    """Refunds and disputes of a payment."""

    model = Reversal
    fields = ["created_at", "kind", "reference", "amount_minor", "credits", "undone_at"]
    readonly_fields = ["created_at", "kind", "reference", "amount_minor", "credits", "undone_at"]
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let nobody write a row."""
        del request, obj
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let nobody change one, superusers neither."""
        del request, obj
        return False


class PaymentAdmin(Waiting, ReadOnlyAdmin):
    """Payments, the newest first, with those that are quarantined a click away."""

    waiting_filter = QuarantineFilter
    waiting_state = "quarantined"
    waiting_words = "quarantined: paid, but not as asked for. Nothing was credited until somebody decides."
    list_display = ["id", "state", "amount", "credits", "customer", "created_at", "purpose", "gateway", "failure"]
    list_filter = [QuarantineFilter, "status", "gateway", "purpose", "currency"]
    list_select_related = ["organisation"]
    ordering = ["-pk"]
    search_fields = ["id", "organisation", "checkout_reference", "gateway_reference", "idempotency_key"]
    ids_searched = {"id": "pay", "organisation": "org"}
    search_help_text = (
        "Id of a payment or organisation, or a gateway's reference (pi_…, cs_…, pay_…, order_…), in full."
    )
    csv_hidden = frozenset({"buyer", "checkout_url", "idempotency_key"})
    readonly_fields = [
        *(
            "state",
            "by",
            "amount",
            "tax",
            "customer",
            "at_gateway",
            "known_as",
            "ledger",
            "invoices",
            "events",
            "discrepancies",
        ),
        *("auto_reload", "billed_to", "timeline"),
    ]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "id",
                    "state",
                    "failure",
                    "amount",
                    "tax",
                    "credits",
                    "organisation",
                    "pack",
                    "purpose",
                    "by",
                ]
            },
        ),
        ("When", {"fields": ["timeline"]}),
        ("Belongs to it", {"fields": ["ledger", "invoices", "events", "discrepancies", "auto_reload"]}),
        (
            "At the gateway",
            {
                "fields": [
                    *("gateway", "at_gateway", "gateway_reference", "checkout_reference", "known_as", "method"),
                    *("keep_method", "needs_authentication", "idempotency_key", "next_check_at", "expected_at"),
                ]
            },
        ),
        ("Buyer, as they were then", {"fields": ["billed_to"]}),
    ]
    inlines = [ReversalInline]
    staff_actions = [
        StaffAction(
            name="look",
            label="Look again now",
            permission=MAY_RESOLVE,
            explanation="Asks the gateway what became of it, and makes it so here. Credits are given once at most.",
            perform=_look_again,
        ),
        StaffAction(
            name="decide",
            label="Decide",
            permission=MAY_RESOLVE,
            explanation=(
                "This payment was paid, but not as it was asked for, so nothing was credited. Compare it with the "
                "gateway's page first. Accepting takes another look at the gateway, gives all of its credits, and "
                "makes what was paid its amount. Refusing is final: the money is then to be refunded at the gateway."
            ),
            perform=_decide,
            form=DecisionForm,
            offered=lambda payment: payment.status == Payment.Status.QUARANTINED,
        ),
    ]

    @admin.display(description="status")
    def state(self, payment: Payment) -> str:
        """The status, in its colour."""
        return cells.state(payment.status)

    @admin.display(description="begun by")
    def by(self, payment: Payment) -> SafeString:
        """Who bought, or what did."""
        return link_to_actor(payment.actor)

    @admin.display
    def amount(self, payment: Payment) -> str:
        """What was to be paid, tax included."""
        return format_minor(payment.amount_minor, payment.currency)

    @admin.display(description="of which tax")
    def tax(self, payment: Payment) -> str:
        """The tax in it."""
        return format_minor(payment.tax_minor, payment.currency)

    @admin.display(description="organisation")
    def customer(self, payment: Payment) -> SafeString:
        """Whose it is."""
        return link_to(payment.organisation)

    @admin.display(description="its page there")
    def at_gateway(self, payment: Payment) -> SafeString:
        """The page of the charge in the gateway's own dashboard, in the mode of the key that is set here."""
        if not payment.gateway_reference:
            return NONE
        try:
            address = gateways[payment.gateway].page_of(payment.gateway_reference)
        except GatewayError:
            return NONE
        return elsewhere(address, f"Open in {payment.get_gateway_display()}'s dashboard")

    @admin.display(description="customer there")
    def known_as(self, payment: Payment) -> str:
        """What the gateway calls the organisation."""
        known = GatewayCustomer.objects.filter(organisation_id=payment.organisation_id, gateway=payment.gateway)
        return known.values_list("reference", flat=True).first() or NONE

    @admin.display(description="ledger entries")
    def ledger(self, payment: Payment) -> SafeString:
        """The credits that it gave, and that were taken back."""
        entries = ((f"{entry.available_delta:+}", link_to(entry)) for entry in timeline.entries_of(payment))
        return format_html_join("", "<div>{} {}</div>", entries) or NONE

    @admin.display(description="invoice")
    def invoices(self, payment: Payment) -> SafeString:
        """What it is documented by."""
        return links_to(Invoice.objects.filter(payment=payment))

    @admin.display(description="gateway events")
    def events(self, payment: Payment) -> SafeString:
        """What the gateway told us of it."""
        return links_to(gateway_events.events_of(payment))

    @admin.display
    def discrepancies(self, payment: Payment) -> SafeString:
        """Where the gateway and we did not agree on it."""
        return links_to(Discrepancy.objects.filter(payment=payment).order_by("pk"))

    @admin.display(description="auto-reload")
    def auto_reload(self, payment: Payment) -> SafeString:
        """The settings that made it, if they did."""
        if payment.purpose != Payment.Purpose.AUTO_RELOAD:
            return NONE
        return links_to(AutoReload.objects.filter(organisation=payment.organisation_id).order_by("pk"))

    @admin.display(description="billed to")
    def billed_to(self, payment: Payment) -> SafeString:
        """The billing details that it was made with."""
        lines = ((name.replace("_", " "), value) for name, value in payment.buyer.items() if value)
        return format_html('<dl class="pairs">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", lines))

    @admin.display
    def timeline(self, payment: Payment) -> str:
        """What happened to it, and when."""
        return render_to_string("admin/billing/timeline.html", {"moments": timeline.of(payment)})


class UndoneFilter(StateFilter):
    """Whether a reversal stands."""

    title = "whether it stands"

    states = {
        "standing": Q(undone_at=None),
        "undone": Q(undone_at__isnull=False),
    }


class ReversalAdmin(ReadOnlyAdmin):
    """Refunds and disputes."""

    list_display = ["reference", "created_at", "kind", "amount", "credits", "of_payment", "customer", "undone_at"]
    list_filter = ["kind", UndoneFilter]
    list_select_related = ["payment__organisation"]
    ordering = ["-pk"]
    search_fields = ["id", "reference", "payment"]
    ids_searched = {"id": "rev", "payment": "pay"}
    search_help_text = "Id of a payment or organisation, or the gateway's reference of the refund or dispute, in full."
    readonly_fields = ["amount", "customer", "ledger"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find those of an organisation by its payments, which no index could do together with the rest."""
        if ids.is_id("org", term := search_term.strip()):
            return queryset.filter(payment__organisation=term), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display
    def amount(self, reversal: Reversal) -> str:
        """What went back."""
        return format_minor(reversal.amount_minor, reversal.payment.currency)

    @admin.display(description="payment")
    def of_payment(self, reversal: Reversal) -> SafeString:
        """The payment that it is of."""
        return link_to(reversal.payment)

    @admin.display(description="organisation")
    def customer(self, reversal: Reversal) -> SafeString:
        """Whose payment it was."""
        return link_to(reversal.payment.organisation)

    @admin.display(description="ledger entries")
    def ledger(self, reversal: Reversal) -> SafeString:
        """The credits that were taken, and given again."""
        found = [entry for entry in timeline.entries_of(reversal.payment) if entry.reference == reversal.reference]
        return format_html_join("", "<div>{} {}</div>", ((f"{e.available_delta:+}", link_to(e)) for e in found)) or NONE
