"""Servers that did not take what they were sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

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


@dataclass(frozen=True, slots=True)
class FailingCustomer:
    """A server of an organisation's, as staff see it."""

    organisation_id: str
    organisation: str
    server: Failing


def failing(organisation_id: str, since: datetime) -> list[Failing]:
    """Return the servers with undelivered events of `since` or later, the latest first, at most `MOST_TARGETS`."""
    undelivered = _undelivered(since).filter(organisation=organisation_id)
    return [Failing(**row) for row in _counted(undelivered, "target").order_by("-last")[:MOST_TARGETS]]


def failing_anywhere(since: datetime) -> list[FailingCustomer]:
    """Return the same of every organisation, those with the most given up first, at most `MOST_TARGETS`."""
    rows = _counted(_undelivered(since), "organisation_id", "organisation__name", "target")
    return [
        FailingCustomer(row.pop("organisation_id"), row.pop("organisation__name"), Failing(**row))
        for row in rows.order_by("-failed", "-last")[:MOST_TARGETS]
    ]


def _undelivered(since: datetime) -> QuerySet[WebhookDelivery]:
    made = WebhookDelivery.objects.filter(pk__gte=ids.encode("whd", ids.first_at(since)))
    return made.filter(status__in=[Status.FAILED, Status.RETRYING]).order_by()


def _counted(undelivered: QuerySet[WebhookDelivery], *by: str) -> Any:
    return undelivered.values(*by).annotate(
        failed=Count("pk", filter=Q(status=Status.FAILED)),
        retrying=Count("pk", filter=Q(status=Status.RETRYING)),
        last=Max("created_at"),
    )
