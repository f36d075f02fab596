"""Delivers webhooks: at least once, signed anew at each attempt, few at a time to one server.

A delivery that waits has `next_attempt_at`; one in flight also has a lease. The end of an attempt filters on its
number, so a worker that comes back late changes nothing.
"""

import json
import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from accounts.models import DeliveryAttempt, Organisation, WebhookDelivery, WebhookEvent
from accounts.webhooks import signing
from accounts.webhooks.in_flight import in_flight, slots
from zupertry.core import http, metrics
from zupertry.core.api import timestamp
from zupertry.core.connections import release_connection
from zupertry.core.requests import enter_request, request_id
from zupertry.core.storage import signed_url
from zupertry.core.wake import wake

IN_FLIGHT_PER_TARGET = 4
IN_FLIGHT_PER_ORGANISATION = 12
"""However many servers an organisation names, its webhooks leave most threads of a process to everybody else."""
DEADLINE_SECONDS = 10.0
LEASE = timedelta(seconds=30)
KEPT_RESPONSE_BYTES = 16 * 1024
JITTER = 0.2
WAKE_HORIZON_SECONDS = 60
SWEEP_BATCH = 1_000
GONE = 410
_KIND = "webhooks"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt: a status and body, or the reason why there are none."""

    status: int | None
    body: str
    error: str

    @property
    def delivered(self) -> bool:
        """Any 2xx will do."""
        return self.status is not None and 200 <= self.status < 300


def deliver(delivery_id: str) -> None:
    """Make the attempt that is due if this process has room for it; then wake what found none."""
    if slots.take(_KIND, settings.MAX_DELIVERIES, delivery_id):
        try:
            _deliver(delivery_id)
        finally:
            if waiting := slots.free(_KIND):
                wake("accounts.deliver", waiting)


def _deliver(delivery_id: str) -> None:
    """Make the attempt if it is due and the server has room; then pass the room on."""
    delivery = _found(delivery_id)
    if delivery is None:
        return
    _enter(delivery)
    if claimed := _claim(delivery):
        _attempt(claimed)
    _pass_on(delivery)


def _found(delivery_id: str) -> WebhookDelivery | None:
    known = WebhookDelivery.objects.select_related("event")
    needed = known.only("organisation_id", "target", "event__reference", "event__request_id")
    return needed.filter(id=delivery_id).first()


def _enter(delivery: WebhookDelivery) -> None:
    """Log from here on under the id of the request that the event goes back to, whoever woke this task."""
    event = delivery.event
    enter_request(event.request_id or request_id())
    about = {"job": event.reference} if event.reference.startswith("job_") else {}
    structlog.contextvars.bind_contextvars(org=delivery.organisation_id, delivery=delivery.id, **about)


def _attempt(delivery: WebhookDelivery) -> None:
    started_at, clock = timezone.now(), time.monotonic()
    in_flight.begin(delivery)
    try:
        url, body, headers = _message(delivery, started_at)
        release_connection()
        answer = _send(url, body, headers)
    except Exception:
        # Nothing was sent, but the attempt counts, so that the retries come to an end.
        log.exception("webhook_not_sent", delivery=delivery.id)
        answer = Answer(None, "", "Something of ours went wrong before the webhook could be sent.")
    duration_ms = round((time.monotonic() - clock) * 1000)
    if in_flight.end(delivery):
        _settle(delivery, answer, started_at, duration_ms)


def _due(now: datetime) -> QuerySet[WebhookDelivery]:
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=now)
    return WebhookDelivery.objects.filter(free, next_attempt_at__lte=now)


def _targets_in_flight(organisation_id: str, now: datetime) -> Counter[str]:
    """Return how many deliveries of an organisation are in flight to each server."""
    leased = WebhookDelivery.objects.filter(
        organisation_id=organisation_id, next_attempt_at__isnull=False, lease_expires_at__gt=now
    )
    return Counter(leased.values_list("target", flat=True))


@transaction.atomic
def _claim(delivery: WebhookDelivery) -> WebhookDelivery | None:
    """Take a due delivery under a lease, unless its server has its share in flight already."""
    # Claims of one organisation stand in line here, so that two can't both count three and make five. No key is
    # changed: whoever inserts a row that refers to the organisation need not wait.
    Organisation.objects.select_for_update(no_key=True).only("pk").get(pk=delivery.organisation_id)
    now = timezone.now()
    targets = _targets_in_flight(delivery.organisation_id, now)
    if targets.total() >= IN_FLIGHT_PER_ORGANISATION or targets[delivery.target] >= IN_FLIGHT_PER_TARGET:
        return None
    claimed = _due(now).filter(id=delivery.id).update(attempt=F("attempt") + 1, lease_expires_at=now + LEASE)
    if not claimed:
        return None
    return WebhookDelivery.objects.select_related("event", "organisation__webhook_endpoint").get(id=delivery.id)


def _message(delivery: WebhookDelivery, moment: datetime) -> tuple[str, bytes, dict[str, str]]:
    """Return URL, body and headers of an attempt made at `moment`."""
    body = json.dumps(body_of(delivery.event), ensure_ascii=False, separators=(",", ":")).encode()
    secrets = signing.secrets_of(delivery.organisation.webhook_endpoint)
    signatures = signing.headers(body, delivery.event_id, moment, secrets)
    headers = {"Content-Type": "application/json", **signatures}
    if delivery.event.request_id:
        headers["X-Request-Id"] = delivery.event.request_id
    return delivery.url, body, headers


def body_of(event: WebhookEvent) -> dict[str, Any]:
    """Return what is sent, with a link to the picture that is signed just now."""
    data = dict(event.payload)
    if event.output_name:
        data["output_url"] = signed_url(event.output_name)
    return {"id": event.id, "type": event.type, "created_at": timestamp(event.created_at), "data": data}


def _send(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    try:
        response = http.request(
            "POST",
            url,
            headers=headers,
            body=body,
            total_timeout=DEADLINE_SECONDS,
            max_bytes=KEPT_RESPONSE_BYTES,
            truncate=True,
        )
    except http.OutboundError as error:
        return Answer(None, "", error.message)
    # PostgreSQL's text can't hold a NUL.
    return Answer(response.status, response.body.decode(errors="replace").replace("\x00", "�"), "")


@transaction.atomic
def _settle(delivery: WebhookDelivery, answer: Answer, started_at: datetime, duration_ms: int) -> None:
    """Write down what came of an attempt, and when the next one is due."""
    status, delay = _outcome(delivery.attempt - delivery.attempts_before_replay, answer)
    next_attempt_at = None if delay is None else timezone.now() + timedelta(seconds=delay)
    mine = WebhookDelivery.objects.filter(id=delivery.id, attempt=delivery.attempt, status__in=["pending", "retrying"])
    if not mine.update(status=status, next_attempt_at=next_attempt_at, lease_expires_at=None):
        return
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=delivery.attempt,
        started_at=started_at,
        duration_ms=duration_ms,
        response_status=answer.status,
        response_body=answer.body,
        error=answer.error[:500],
    )
    log.info("webhook_attempt", delivery=delivery.id, number=delivery.attempt, result=status, answer=answer.status)
    _count(delivery, status)
    if delay is not None and delay <= WAKE_HORIZON_SECONDS:
        wake("accounts.deliver", delivery.id, delay=delay)


def _count(delivery: WebhookDelivery, status: WebhookDelivery.Status) -> None:
    metrics.after_commit(metrics.webhook_attempts.labels(status).inc)
    if status == WebhookDelivery.Status.DELIVERED and not delivery.attempts_before_replay:
        took = (timezone.now() - delivery.event.created_at).total_seconds()
        metrics.after_commit(partial(metrics.webhook_seconds.observe, took))


def _outcome(attempt: int, answer: Answer) -> tuple[WebhookDelivery.Status, float | None]:
    """Return the delivery's new status and the seconds until its next attempt (None: there is none).

    `attempt` counts from 1 since the schedule began.
    """
    if answer.delivered:
        return WebhookDelivery.Status.DELIVERED, None
    schedule = settings.WEBHOOK_RETRY_SCHEDULE
    if answer.status == GONE or attempt > len(schedule):
        return WebhookDelivery.Status.FAILED, None
    return WebhookDelivery.Status.RETRYING, schedule[attempt - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311


def _pass_on(delivery: WebhookDelivery) -> None:
    """Wake the oldest delivery that may have found this server busy, also when another took the one that was woken.

    Where there is none, or its server is full again, the next one whose server has room.
    """
    now = timezone.now()
    targets = _targets_in_flight(delivery.organisation_id, now)
    if targets.total() >= IN_FLIGHT_PER_ORGANISATION:
        return
    full = [target for target, count in targets.items() if count >= IN_FLIGHT_PER_TARGET]
    waiting = _due(now).filter(organisation_id=delivery.organisation_id).exclude(target__in=full)
    waiting = waiting.order_by("next_attempt_at")
    same_server = waiting.filter(target=delivery.target).values_list("id", flat=True).first()
    if next_id := same_server or waiting.values_list("id", flat=True).first():
        wake("accounts.deliver", next_id)


def sweep() -> int:
    """Wake deliveries that are due and that nobody works on. Returns how many.

    No more of each server's than it may have in flight: one that hangs must not keep the others out of the batch.
    """
    place = Window(RowNumber(), partition_by=["organisation_id", "target"], order_by="next_attempt_at")
    first = _due(timezone.now()).annotate(place=place).filter(place__lte=IN_FLIGHT_PER_TARGET)
    ids = list(first.order_by("next_attempt_at").values_list("id", flat=True)[:SWEEP_BATCH])
    for delivery_id in ids:
        wake("accounts.deliver", delivery_id)
    metrics.swept({"deliveries": len(ids)})
    return len(ids)
