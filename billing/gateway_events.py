"""What gateways tell us: verify, store, answer; then look at what it is about, and apply that once.

An event is only a reason to look. Its order among others, and how often it comes, do not matter.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import ExpressionWrapper, F, Q, QuerySet, TextField
from django.db.models.fields.json import KT
from django.utils import timezone

from accounts import audit
from billing import methods, payments
from billing.gateways.base import Event
from billing.gateways.registry import gateways
from billing.models import GatewayEvent, Payment
from zupertry.core import ids
from zupertry.core.connections import release_connection
from zupertry.core.wake import wake

LEASE = timedelta(minutes=2)
SUBJECT_REFERENCES = ("payment_id", "checkout_reference", "gateway_reference")
"""By which of the fields of their subjects events are found; each has an index."""
RETRY_SCHEDULE = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 720, 1440)]

log = structlog.get_logger(__name__)


def receive(gateway: str, body: bytes, headers: Mapping[str, str], payload: object) -> None:
    """Store an event for a worker to process; one that is stored already is left as it is.

    `payload` is the body as JSON. Raises `BadSignatureError`, and nothing is stored then.
    """
    event = gateways[gateway].read_event(body, headers, timezone.now())
    stored = GatewayEvent(
        gateway=gateway,
        reference=event.reference,
        type=event.type,
        subject=_storable(asdict(event)),
        payload=_storable(payload),
    )
    GatewayEvent.objects.bulk_create([stored], ignore_conflicts=True)
    wake("billing.process_event", stored.id)


def process(event_id: str) -> None:
    """Do what a stored event is a reason for. A failure is written down, and tried again later."""
    now = timezone.now()
    due = GatewayEvent.objects.filter(pk=event_id, next_attempt_at__lte=now)
    if not due.update(next_attempt_at=now + LEASE, attempts=F("attempts") + 1):
        return
    event = GatewayEvent.objects.get(pk=event_id)
    try:
        _apply(event.gateway, Event(**event.subject))
    except Exception as error:
        _try_later(event, error)
    else:
        done = {"processed_at": timezone.now(), "next_attempt_at": None, "error": ""}
        GatewayEvent.objects.filter(pk=event_id).update(**done)


@transaction.atomic
def replay(event: GatewayEvent, *, actor: str, reason: str) -> None:
    """Process an event once more, whatever became of it before, as staff wish: it is a reason to look, and no more."""
    GatewayEvent.objects.filter(pk=event.pk).update(next_attempt_at=timezone.now(), processed_at=None, attempts=0)
    audit.record(None, actor, "gateway_event.replayed", event.id, reason, type=event.type, reference=event.reference)
    wake("billing.process_event", event.id)


def events_of(payment: Payment) -> QuerySet[GatewayEvent]:
    """Return the events that are about a payment, by its id or either of its references there, the oldest first."""
    about = {"payment_id": payment.id}
    if payment.checkout_reference:
        about["checkout_reference"] = payment.checkout_reference
    if payment.gateway_reference:
        about["gateway_reference"] = payment.gateway_reference
    named = Q()
    for name, value in about.items():
        named |= Q(**{f"its_{name}": value})
    return by_subject().filter(named, gateway=payment.gateway).order_by("pk")


def by_subject() -> QuerySet[GatewayEvent]:
    """Return all events, to be found by what they are about: `its_payment_id`, `its_…_reference` have indexes."""
    # As text: SQLite would take what a key of JSON is compared with for JSON as well.
    texts = {f"its_{name}": ExpressionWrapper(KT(f"subject__{name}"), TextField()) for name in SUBJECT_REFERENCES}
    return GatewayEvent.objects.alias(**texts)


def payment_of(gateway: str, event: Event) -> Payment | None:
    """Return the payment that an event is about, as far as is known here: by our references, else by its metadata."""
    ours = Payment.objects.filter(gateway=gateway)
    by_reference = Q()
    if event.checkout_reference:
        by_reference |= Q(checkout_reference=event.checkout_reference)
    if event.gateway_reference:
        by_reference |= Q(gateway_reference=event.gateway_reference)
    if by_reference and (found := ours.filter(by_reference).first()):
        return found
    return ours.filter(pk=event.payment_id).first() if ids.is_id("pay", event.payment_id) else None


def _storable(value: Any) -> Any:
    """Return JSON that PostgreSQL takes: what buyers type travels in events, and may hold NULs and half characters."""
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list) else value


def _apply(gateway: str, event: Event) -> None:
    if payment_id := _payment_id(gateway, event):
        payments.settle(payment_id, gateway_reference=event.gateway_reference)
    if event.method_reference:
        methods.refresh(gateway, event.method_reference)


def _payment_id(gateway: str, event: Event) -> str | None:
    """Return the payment that an event is about; where nothing here says it, the gateway is asked."""
    if known := payment_of(gateway, event):
        return known.id
    if event.payment_id or not event.gateway_reference:
        return None
    release_connection()
    payment_id = gateways[gateway].look(checkout_reference="", gateway_reference=event.gateway_reference).payment_id
    ours = ids.is_id("pay", payment_id) and Payment.objects.filter(gateway=gateway, pk=payment_id).exists()
    return payment_id if ours else None


def _try_later(event: GatewayEvent, error: Exception) -> None:
    again = event.attempts <= len(RETRY_SCHEDULE)
    at = timezone.now() + RETRY_SCHEDULE[event.attempts - 1] if again else None
    why = f"{type(error).__name__}: {error}"[:2_000]
    GatewayEvent.objects.filter(pk=event.pk).update(next_attempt_at=at, error=why)
    log.log(30 if again else 40, "gateway_event_failed", gateway_event=event.id, type=event.type, exc_info=error)
