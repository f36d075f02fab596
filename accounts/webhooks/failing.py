"""Servers that did not take what they were sent."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Q

from accounts.models import WebhookDelivery
from zupertry.core import ids

MOST_TARGETS = 5
Status = WebhookDelivery.Status


@dataclass(frozen=True, slots=True)
class Failing:
    """A server (scheme, host and port): how many deliveries to it were given up, and how many are tried again."""

    target: str
    failed: int
    retrying: int
    last: datetime


def failing(organisation_id: str, since: datetime) -> list[Failing]:
    """Return the servers with undelivered events of `since` or later, the latest first, at most `MOST_TARGETS`."""
    made = WebhookDelivery.objects.filter(organisation=organisation_id, pk__gte=ids.encode("whd", ids.first_at(since)))
    grouped = (
        made.filter(status__in=[Status.FAILED, Status.RETRYING])
        .order_by()
        .values("target")
        .annotate(
            failed=Count("pk", filter=Q(status=Status.FAILED)),
            retrying=Count("pk", filter=Q(status=Status.RETRYING)),
            last=Max("created_at"),
        )
        .order_by("-last")
    )
    return [Failing(**row) for row in grouped[:MOST_TARGETS]]
