"""Staff's first page: how the service does today, against the same hours a week ago.

What it shows is asked of the database once a minute, whoever looks.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core.cache import cache
from django.utils import timezone

from accounts.models import Organisation
from accounts.webhooks.failing import FailingCustomer, failing_anywhere
from billing.takings import Takings, Unreconciled, takings, unreconciled
from tryon import throughput
from tryon.throughput import Queue
from tryon.usage import Figures

KEPT_SECONDS = 60
WEEK = timedelta(days=7)
RATE_OVER = timedelta(minutes=15)
NEWEST = 8
HOURS = 24


@dataclass(frozen=True)
class Hour:
    """An hour of today, with the same one a week ago. A chart marks the one that is not over."""

    start: datetime
    has_begun: bool
    is_running: bool
    today: Figures
    before: Figures


@dataclass(frozen=True)
class Compared:
    """A count of today, and of the same hours a week ago."""

    name: str
    today: int
    before: int


@dataclass(frozen=True)
class Earned:
    """What came in, in a currency, today and in the same hours a week ago."""

    currency: str
    today: Takings
    before: Takings


@dataclass(frozen=True)
class Front:
    """All that the page shows. Jobs are live ones; `per_minute` are those of the last 15 minutes."""

    at: datetime
    today: Figures
    before: Figures
    per_minute: float
    per_minute_before: float
    queue: Queue
    hours: list[Hour]
    failures: list[Compared]
    failing: list[FailingCustomer]
    unreconciled: Unreconciled
    earned: list[Earned]
    newest: list[Organisation]


def front() -> Front:
    """Return what the page shows, at most a minute old."""
    kept: Front | None = cache.get("staff-front")
    if kept is None:
        kept = look()
        cache.set("staff-front", kept, KEPT_SECONDS)
    return kept


def look() -> Front:
    """Ask the database, in a fixed number of queries."""
    now = timezone.now()
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Front(
        at=now,
        today=throughput.over(midnight, now),
        before=throughput.over(midnight - WEEK, now - WEEK),
        per_minute=_per_minute(now),
        per_minute_before=_per_minute(now - WEEK),
        queue=throughput.queue(),
        hours=_hours(midnight, now),
        failures=_failures(midnight, now),
        failing=failing_anywhere(now - timedelta(days=1)),
        unreconciled=unreconciled(),
        earned=_earned(midnight, now),
        newest=list(Organisation.objects.filter(deleted_at=None).order_by("-pk")[:NEWEST]),
    )


def _per_minute(until: datetime) -> float:
    return throughput.submitted(until - RATE_OVER, until).count() / (RATE_OVER / timedelta(minutes=1))


def _hours(midnight: datetime, now: datetime) -> list[Hour]:
    today = throughput.by_hour(midnight, now)
    before = throughput.by_hour(midnight - WEEK, midnight - WEEK + timedelta(hours=HOURS))
    hours = []
    for start in (midnight + timedelta(hours=number) for number in range(HOURS)):
        then = before.get(start - WEEK, Figures())
        running = start <= now < start + timedelta(hours=1)
        hours.append(Hour(start, start <= now, running, today.get(start, Figures()), then))
    return hours


def _failures(midnight: datetime, now: datetime) -> list[Compared]:
    today, before = throughput.failures(midnight, now), throughput.failures(midnight - WEEK, now - WEEK)
    return [Compared(code, today.get(code, 0), before.get(code, 0)) for code in {**today, **before}]


def _earned(midnight: datetime, now: datetime) -> list[Earned]:
    today, before = takings(midnight, now), takings(midnight - WEEK, now - WEEK)
    nothing = Takings()
    return [
        Earned(currency, today.get(currency, nothing), before.get(currency, nothing))
        for currency in sorted({*today, *before})
    ]
