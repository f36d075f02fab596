"""Ends a delivery that is being tried again."""

from django.db import transaction

from accounts import audit
from accounts.models import WebhookDelivery

Status = WebhookDelivery.Status


@transaction.atomic
def stop(delivery: WebhookDelivery, *, actor: str, reason: str) -> bool:
    """Make no further attempt to deliver: it has failed, and may be replayed. False: it had ended.

    An attempt in flight can't be called back, but changes nothing any more: its end looks for a delivery that is open.
    Its lease stays, so that no replay begins before it is over and takes its answer for its own.
    """
    open_ = WebhookDelivery.objects.filter(
        id=delivery.id, status__in=[Status.PENDING, Status.RETRYING], next_attempt_at__isnull=False
    )
    stopped = open_.update(status=Status.FAILED, next_attempt_at=None)
    if stopped:
        audit.record(delivery.organisation, actor, "webhook.stopped", delivery.id, reason=reason)
    return bool(stopped)
