"""How fast credits are spent, and how long what is left will last."""

from datetime import datetime, timedelta

from django.db.models import Count, Q

from billing.models import LedgerEntry
from zupertry.core import ids

PACE_DAYS = 7
"""The pace is that of so many days before now."""


def spent_lately(organisation_id: str, now: datetime) -> int:
    """Return the credits that jobs spent in the last `PACE_DAYS` days, less those that were refunded then."""
    since = ids.encode("led", ids.first_at(now - timedelta(days=PACE_DAYS)))
    kinds = LedgerEntry.Kind
    counted = LedgerEntry.objects.filter(account_id=organisation_id, pk__gte=since).aggregate(
        captured=Count("pk", filter=Q(kind=kinds.CAPTURE)), refunded=Count("pk", filter=Q(kind=kinds.REFUND))
    )
    return max(0, int(counted["captured"]) - int(counted["refunded"]))


def days_left(available: int, spent: int) -> int | None:
    """Return for how many whole days `available` credits last when `spent` go in `PACE_DAYS` days; None: none go."""
    return max(0, available) * PACE_DAYS // spent if spent else None
