"""Sends webhooks again that have come to their end: one, or all that failed since some time."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation, WebhookDelivery
from zupertry.core import ids
from zupertry.core.wake import wake

REPLAY_BATCH = 200
"""How many one call sends again: a receiver that was down for a day must not be flooded when it is back."""


@transaction.atomic
def replay(delivery: WebhookDelivery, *, actor: str, reason: str = "") -> bool:
    """Send a delivery that has ended again, under the same `webhook-id` and with the whole retry schedule.

    Safe to do twice: it filters on the attempts that `delivery` shows. False: nothing changed, since another attempt
    was made, is due or (of one that was stopped) not over yet, or the event was withdrawn.
    """
    now = timezone.now()
    ended = WebhookDelivery.objects.filter(
        Q(lease_expires_at=None) | Q(lease_expires_at__lte=now),
        id=delivery.id,
        attempt=delivery.attempt,
        next_attempt_at=None,
        event__withdrawn_at=None,
    )
    replayed = ended.update(
        status=WebhookDelivery.Status.PENDING,
        attempts_before_replay=F("attempt"),
        next_attempt_at=now,
        lease_expires_at=None,
    )
    if replayed:
        audit.record(delivery.organisation, actor, "webhook.replayed", delivery.id, reason=reason)
        wake("accounts.deliver", delivery.id)
    return bool(replayed)


def replay_failed(organisation: Organisation, since: datetime, *, actor: str) -> int:
    """Send again what was first sent at `since` or later and failed, the oldest 200 at most. Returns how many."""
    failed = failed_since(organisation, since)
    return sum(replay(delivery, actor=actor) for delivery in failed[:REPLAY_BATCH])


def failed_since(organisation: Organisation, since: datetime) -> QuerySet[WebhookDelivery]:
    """Return the failed deliveries made at `since` or later that may be replayed, oldest first."""
    return (
        WebhookDelivery.objects.filter(
            organisation=organisation,
            status=WebhookDelivery.Status.FAILED,
            pk__gte=ids.encode("whd", ids.first_at(since)),
            event__withdrawn_at=None,
        )
        .select_related("organisation")
        .order_by("pk")
    )
