"""Sends webhooks again that have ended, or that wait for their next attempt: one, or all since some time."""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation, WebhookDelivery, WebhookEvent
from zupertry.core import ids
from zupertry.core.wake import wake

REPLAY_BATCH = 200
"""How many one call sends again: a receiver that was down for a day must not be flooded when it is back."""


def may_replay(delivery: WebhookDelivery) -> bool:
    """Say whether a delivery has ended, or only waits for its next attempt; what was withdrawn is never sent again."""
    return WebhookDelivery.objects.filter(_may_be_replayed(), id=delivery.id).exists()


@transaction.atomic
def replay(delivery: WebhookDelivery, *, actor: str, reason: str = "") -> bool:
    """Send a delivery again, now, under the same `webhook-id` and with the whole retry schedule.

    Safe to do twice: it filters on the attempts that `delivery` shows. False: nothing changed, since another attempt
    was made, is due or under way (also one of a delivery that was stopped), or the event was withdrawn.
    """
    resting = WebhookDelivery.objects.filter(_may_be_replayed(), id=delivery.id, attempt=delivery.attempt)
    replayed = resting.update(
        status=WebhookDelivery.Status.PENDING,
        attempts_before_replay=F("attempt"),
        next_attempt_at=timezone.now(),
        lease_expires_at=None,
    )
    if replayed:
        audit.record(delivery.organisation, actor, "webhook.replayed", delivery.id, reason=reason)
        wake("accounts.deliver", delivery.id)
    return bool(replayed)


def replay_failed(organisation: Organisation, since: datetime, *, actor: str) -> int:
    """Send again what was first sent at `since` or later and did not pass, the oldest 200 at most. Returns how many."""
    failed = failed_since(organisation, since)
    return sum(replay(delivery, actor=actor) for delivery in failed[:REPLAY_BATCH])


def failed_since(organisation: Organisation, since: datetime) -> QuerySet[WebhookDelivery]:
    """Return the deliveries made at `since` or later that were given up or wait for another attempt, oldest first."""
    return (
        WebhookDelivery.objects.filter(
            _may_be_replayed(),
            organisation=organisation,
            status__in=[WebhookDelivery.Status.FAILED, WebhookDelivery.Status.RETRYING],
            pk__gte=ids.encode("whd", ids.first_at(since)),
        )
        .select_related("organisation")
        .order_by("pk")
    )


def _may_be_replayed() -> Q:
    now = timezone.now()
    # An attempt that is due or under way has its time behind it: who replays then would have it sent twice.
    waits = Q(status=WebhookDelivery.Status.RETRYING, next_attempt_at__gt=now)
    # Of a delivery that was stopped amid an attempt, only the lease tells that it is not over.
    over = Q(next_attempt_at=None) & (Q(lease_expires_at=None) | Q(lease_expires_at__lte=now))
    # By a subquery, not a join, for which an UPDATE would look at the delivery as it was before it waited for its lock.
    stands = Exists(WebhookEvent.objects.filter(pk=OuterRef("event"), withdrawn_at=None))
    return (over | waits) & Q(stands)
