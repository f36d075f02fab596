"""What staff see of webhooks, and do to deliveries."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from accounts.models import DeliveryAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent
from accounts.staff import cells
from accounts.staff.actions import Order, ReasonForm, StaffAction
from accounts.staff.links import link_to, link_to_id
from accounts.staff.sections import Facts, SectionedAdmin, Table
from accounts.webhooks import signing
from accounts.webhooks.endpoint import TEST_EVENT
from accounts.webhooks.replay import replay
from accounts.webhooks.stop import stop
from zupertry.core.errors import Refusal

MOST = 50
"""How many rows a table on a page has at most: the newest."""
TYPES = ("job.completed", "job.failed", TEST_EVENT)


class ReplayForm(ReasonForm):
    """Knows how many attempts each delivery showed when it was asked for, so that sending it twice replays once."""

    seen = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shown = (f"{row.pk}:{row.attempt}" for row in self.rows if isinstance(row, WebhookDelivery))
        self.initial.setdefault("seen", " ".join(shown))

    def clean_seen(self) -> dict[str, int]:
        """Return the attempts by delivery."""
        pairs = [part.partition(":") for part in self.cleaned_data["seen"].split()]
        return {id_: int(number) for id_, _, number in pairs if number.isdecimal()}


def _replay(delivery: WebhookDelivery, order: Order) -> str:
    if delivery.event.withdrawn_at:
        raise Refusal("validation_error", "What it says is no longer so: it was withdrawn, and is never sent again.")
    delivery.attempt = order.fields["seen"].get(delivery.id, -1)
    if not replay(delivery, actor=order.actor, reason=order.reason):
        raise Refusal("validation_error", "It is under way, or was sent again already.")
    return "Sent again."


def _stop(delivery: WebhookDelivery, order: Order) -> str:
    if not stop(delivery, actor=order.actor, reason=order.reason):
        raise Refusal("validation_error", "It has ended already.")
    return "Stopped."


def _may_be_replayed(delivery: WebhookDelivery) -> bool:
    return delivery.next_attempt_at is None and delivery.event.withdrawn_at is None


class TypeFilter(admin.SimpleListFilter):
    """What is told. Which types there are is known: to look for them would read every event."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return every type."""
        del request, model_admin
        return [(type_, type_) for type_ in TYPES]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        """Select events of this type."""
        del request
        return queryset.filter(type=self.value()) if self.value() in TYPES else queryset


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(SectionedAdmin):
    """Events on their way to customers, newest first."""

    list_display = ["delivery", "state", "age", "of_organisation", "to", "attempt", "next_attempt", "type", "about"]
    list_filter = ["status"]
    ordering = ["-pk"]
    search_fields = ["id", "event", "event__reference", "organisation"]
    ids_searched = {"id": "whd", "event": "evt", "event__reference": "job", "organisation": "org"}
    search_help_text = "Id of a delivery, an event (the webhook-id), a job or an organisation, in full."
    csv_hidden = frozenset({"url"})
    staff_actions = [
        StaffAction(
            name="replay",
            label="Replay",
            permission="accounts.replay_webhookdelivery",
            explanation="Sends the event to the same URL again, under the same webhook-id, with the whole schedule of "
            "retries. Only what has ended is sent again: what is delivered or failed.",
            perform=_replay,
            form=ReplayForm,
            many=True,
            offered=_may_be_replayed,
        ),
        StaffAction(
            name="stop",
            label="Stop",
            permission="accounts.stop_webhookdelivery",
            explanation="Makes no further attempt: the delivery has failed, and can be replayed. An attempt that is in "
            "flight at this moment may still arrive.",
            perform=_stop,
            many=True,
            offered=lambda delivery: delivery.next_attempt_at is not None,
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        """Return deliveries with what they are about, and whose they are."""
        rows: QuerySet[WebhookDelivery] = super().get_queryset(request)
        return rows.select_related("event", "organisation")

    def sections(self, row: WebhookDelivery) -> Iterator[Facts | Table]:
        """Return what was sent, and what was answered."""
        facts: list[tuple[str, Any]] = [
            ("Id", cells.code(row.id)),
            ("Status", cells.state(row.status)),
            ("Organisation", link_to(row.organisation)),
            ("Event", link_to_id(row.event_id)),
            ("Type", row.event.type),
            ("About", link_to_id(row.event.reference)),
            ("Made", cells.utc(row.created_at)),
            ("Attempts", _attempts(row)),
            ("Next attempt", cells.until(row.next_attempt_at)),
        ]
        if row.lease_expires_at and row.lease_expires_at > timezone.now():
            facts.append(("An attempt is in flight, until", cells.utc(row.lease_expires_at)))
        if row.event.withdrawn_at:
            facts.append(("Withdrawn", cells.utc(row.event.withdrawn_at)))
        yield Facts("Delivery", [*facts, ("URL", cells.url(row.url))])
        answers = [_answer(attempt) for attempt in row.attempts.order_by("-number")[:MOST]]
        yield Table(
            "Attempts", ["No.", "Started", "Took", "Answer", "Body or error"], answers, nothing="None has ended yet."
        )

    @admin.display(description="delivery")
    def delivery(self, delivery: WebhookDelivery) -> str:
        """The id."""
        return cells.code(delivery.id)

    @admin.display(description="status")
    def state(self, delivery: WebhookDelivery) -> str:
        """The status, in its colour."""
        return cells.state(delivery.status)

    @admin.display(description="type")
    def type(self, delivery: WebhookDelivery) -> str:
        """What is told."""
        return delivery.event.type

    @admin.display(description="about")
    def about(self, delivery: WebhookDelivery) -> str:
        """What it is about."""
        return link_to_id(delivery.event.reference)

    @admin.display(description="organisation")
    def of_organisation(self, delivery: WebhookDelivery) -> str:
        """Who is told."""
        return link_to(delivery.organisation)

    @admin.display(description="to")
    def to(self, delivery: WebhookDelivery) -> str:
        """The server."""
        return cells.url(delivery.target)

    @admin.display(description="next attempt")
    def next_attempt(self, delivery: WebhookDelivery) -> str:
        """When it is tried again."""
        return cells.utc(delivery.next_attempt_at)

    @admin.display
    def age(self, delivery: WebhookDelivery) -> str:
        """How long ago it was made."""
        return cells.age(delivery.created_at)


def _attempts(delivery: WebhookDelivery) -> str:
    before = delivery.attempts_before_replay
    return f"{delivery.attempt}, {before} of them before the last replay" if before else str(delivery.attempt)


def _answer(attempt: DeliveryAttempt) -> tuple[Any, ...]:
    body = "an empty body"
    if text := attempt.response_body:
        size = f"{len(text):,} characters"
        body = format_html("<details><summary>{}</summary>{}</details>", size, cells.raw(text))
    return (
        attempt.number,
        cells.utc(attempt.started_at),
        cells.milliseconds(attempt.duration_ms),
        attempt.response_status or "none",
        attempt.error or body,
    )


@admin.register(WebhookEvent)
class WebhookEventAdmin(SectionedAdmin):
    """What customers are told, newest first."""

    list_display = ["event", "type", "about", "of_organisation", "withdrawn", "age"]
    list_filter = [TypeFilter]
    ordering = ["-pk"]
    search_fields = ["id", "reference", "organisation"]
    ids_searched = {"id": "evt", "reference": "job", "organisation": "org"}
    search_help_text = "Id of an event (the webhook-id), a job or an organisation, in full."
    csv_hidden = frozenset({"payload", "output_name"})

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        """Return events with whose they are."""
        rows: QuerySet[WebhookEvent] = super().get_queryset(request)
        return rows.select_related("organisation")

    def sections(self, row: WebhookEvent) -> Iterator[Facts | Table]:
        """Return what is told, and where to."""
        yield Facts(
            "Event",
            [
                ("Id", cells.code(row.id)),
                ("Type", row.type),
                ("About", link_to_id(row.reference)),
                ("Organisation", link_to(row.organisation)),
                ("Made", cells.utc(row.created_at)),
                ("Withdrawn", cells.utc(row.withdrawn_at)),
                ("Data, without the link that each attempt signs", cells.as_json(row.payload)),
            ],
        )
        deliveries = row.deliveries.order_by("-pk")[:MOST]
        cells_of = [
            (link_to_id(each.pk), cells.state(each.status), each.attempt, cells.utc(each.next_attempt_at), each.target)
            for each in deliveries
        ]
        yield Table("Deliveries", ["Delivery", "Status", "Attempts", "Next attempt", "To"], cells_of)

    @admin.display(description="event")
    def event(self, event: WebhookEvent) -> str:
        """The id."""
        return cells.code(event.id)

    @admin.display(description="about")
    def about(self, event: WebhookEvent) -> str:
        """What it is about."""
        return link_to_id(event.reference)

    @admin.display(description="organisation")
    def of_organisation(self, event: WebhookEvent) -> str:
        """Who is told."""
        return link_to(event.organisation)

    @admin.display(description="withdrawn")
    def withdrawn(self, event: WebhookEvent) -> str:
        """When it was taken back."""
        return cells.utc(event.withdrawn_at)

    @admin.display
    def age(self, event: WebhookEvent) -> str:
        """How long ago it was made."""
        return cells.age(event.created_at)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(SectionedAdmin):
    """Where organisations are told of their jobs. Never with what signs it."""

    list_display = ["of_organisation", "to", "rotation"]
    list_display_links = None
    ordering = ["-pk"]
    search_fields = ["organisation"]
    ids_searched = {"organisation": "org"}
    search_help_text = "Id of an organisation, in full."
    csv_hidden = frozenset({"sealed_secret", "sealed_previous_secret"})

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        """Return endpoints with whose they are."""
        rows: QuerySet[WebhookEndpoint] = super().get_queryset(request)
        return rows.select_related("organisation")

    def sections(self, row: WebhookEndpoint) -> Iterator[Facts | Table]:
        """Return where webhooks go, and the last of them."""
        facts = [
            ("Organisation", link_to(row.organisation)),
            ("URL", cells.url(row.url)),
            ("Signing secret", self.rotation(row)),
        ]
        yield Facts("Endpoint", facts)
        last = WebhookDelivery.objects.filter(organisation_id=row.pk).select_related("event").order_by("-pk")[:MOST]
        deliveries = [
            (cells.utc(each.created_at), link_to_id(each.pk), each.event.type, cells.state(each.status), each.target)
            for each in last
        ]
        yield Table("Last deliveries", ["Made", "Delivery", "Type", "Status", "To"], deliveries)

    @admin.display(description="organisation")
    def of_organisation(self, endpoint: WebhookEndpoint) -> str:
        """Who is told."""
        return link_to(endpoint.organisation)

    @admin.display(description="URL")
    def to(self, endpoint: WebhookEndpoint) -> str:
        """Where webhooks go, with a link to the endpoint's page."""
        return link_to(endpoint)

    @admin.display(description="signing secret")
    def rotation(self, endpoint: WebhookEndpoint) -> str:
        """Whether another secret is about to take over."""
        if endpoint.rotated_at is None or not endpoint.sealed_previous_secret:
            return "not being replaced"
        over = endpoint.rotated_at + signing.ROTATION_OVERLAP
        if over <= timezone.now():
            return f"replaced {endpoint.rotated_at:%-d %b %Y, %H:%M} UTC"
        return f"being replaced: the old one signs too until {over:%-d %b %Y, %H:%M} UTC"
