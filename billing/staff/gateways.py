"""What gateways told us, and where they and we do not agree."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.staff.actions import Order, StaffAction
from accounts.staff.admin import ReadOnlyAdmin
from accounts.staff.filters import StateFilter
from accounts.staff.links import link_to, link_to_actor
from billing import gateway_events, reconciliation
from billing.gateways.base import Event
from billing.models import Discrepancy, GatewayEvent
from billing.staff.listing import NONE, Waiting


def _replay(event: GatewayEvent, order: Order) -> str:
    gateway_events.replay(event, actor=order.actor, reason=order.reason)
    return "It is being processed again. Load its page in a moment to see what came of it."


def _close(discrepancy: Discrepancy, order: Order) -> str:
    reconciliation.close(discrepancy, actor=order.actor, reason=order.reason)
    return "Closed."


class ProcessingFilter(StateFilter):
    """How far events are."""

    title = "processing"

    states = {
        "failing": ~Q(error=""),
        "waiting": Q(processed_at=None),
    }


class GatewayEventAdmin(Waiting, ReadOnlyAdmin):
    """What the gateways told us, the newest first, and whether it has been processed."""

    waiting_filter = ProcessingFilter
    waiting_state = "failing"
    waiting_words = "failing: their errors say why. Payments do not depend on events, which only come sooner."
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
    list_filter = [ProcessingFilter, "gateway"]
    ordering = ["-pk"]
    search_fields = [
        *("id", "reference", "type"),
        *("its_payment_id", "its_checkout_reference", "its_gateway_reference"),
    ]
    ids_searched = {"id": "gev"}
    search_help_text = (
        "The gateway's id of the event, a type such as charge.refunded, the id of a payment, or a gateway's reference "
        "of one (pi_…, cs_…, pay_…, order_…), in full."
    )
    csv_hidden = frozenset({"payload"})
    readonly_fields = ["payment", "body"]
    staff_actions = [
        StaffAction(
            name="replay",
            label="Replay",
            permission="billing.replay_gatewayevent",
            explanation=(
                "Processes the event once more, whatever became of it before. An event is only a reason to look at "
                "the gateway again: nothing is credited or taken back twice."
            ),
            perform=_replay,
            many=True,
        )
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Let events be found by what they are about."""
        del request
        return gateway_events.by_subject()

    @admin.display
    def payment(self, event: GatewayEvent) -> SafeString:
        """The payment that it is about, if it is one of ours."""
        found = gateway_events.payment_of(event.gateway, Event(**event.subject))
        return link_to(found) if found else NONE

    @admin.display
    def body(self, event: GatewayEvent) -> SafeString:
        """The payload, indented."""
        return format_html("<pre>{}</pre>", json.dumps(event.payload, indent=2, ensure_ascii=False))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Show the payload once."""
        return [name for name in super().get_fields(request, obj) if name != "payload"]


class OpenFilter(StateFilter):
    """Whether a discrepancy stands."""

    title = "what needs attention"

    states = {"open": Q(resolved_at=None)}


class DiscrepancyAdmin(Waiting, ReadOnlyAdmin):
    """Where a gateway and we do not agree: the newest first, with those that are not mended a click away."""

    waiting_filter = OpenFilter
    waiting_state = "open"
    waiting_words = "open: money and credits do not agree. What is mended closes by itself at the next comparison."
    list_display = ["kind", "created_at", "gateway", "reference", "of_payment", "details", "resolved_at", "closer"]
    list_filter = [OpenFilter, "gateway"]
    list_select_related = ["payment"]
    ordering = ["-pk"]
    search_fields = ["id", "reference", "payment"]
    ids_searched = {"id": "dis", "payment": "pay"}
    search_help_text = "A gateway's reference or the id of a payment, in full."
    staff_actions = [
        StaffAction(
            name="close",
            label="Close",
            permission="billing.resolve_discrepancy",
            explanation=(
                "Leaves the two sides as they are: the comparison does not name this again unless it becomes another. "
                "No credits and no money move. What can be mended, mend first; it closes by itself then."
            ),
            perform=_close,
            many=True,
            offered=lambda discrepancy: discrepancy.resolved_at is None,
        )
    ]

    @admin.display(description="payment")
    def of_payment(self, discrepancy: Discrepancy) -> SafeString | None:
        """The payment that it is about, if it is one of ours."""
        return link_to(discrepancy.payment) if discrepancy.payment else None

    @admin.display(description="closed by")
    def closer(self, discrepancy: Discrepancy) -> SafeString | None:
        """Who left it as it is."""
        return link_to_actor(discrepancy.closed_by) if discrepancy.closed_by else None
