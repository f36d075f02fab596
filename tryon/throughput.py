"""How the service as a whole does: every organisation's jobs by the hour, what they fail with, and the queue."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, Min, QuerySet
from django.db.models.functions import TruncHour

from accounts.models import Mode
from tryon.models import Job
from tryon.usage import Figures, figures_of, measures
from zupertry.core import ids

Status = Job.Status


@dataclass(frozen=True, slots=True)
class Queue:
    """Jobs that have not ended, suspended organisations' aside, which wait until they are restored.

    `oldest` is when the pending job was submitted that has waited longest; None when none waits.
    """

    pending: int
    processing: int
    oldest: datetime | None


def submitted(since: datetime, until: datetime, mode: Mode = Mode.LIVE) -> "QuerySet[Job]":
    """Return the jobs of this mode submitted from `since` to before `until`, in no order: the key's index serves."""
    first, after = (ids.encode("job", ids.first_at(moment)) for moment in (since, until))
    return Job.objects.filter(pk__gte=first, pk__lt=after, mode=mode).order_by()


def over(since: datetime, until: datetime) -> Figures:
    """Return what the live jobs of this time come to, in one query."""
    return figures_of(submitted(since, until).aggregate(**measures()))


def by_hour(since: datetime, until: datetime) -> dict[datetime, Figures]:
    """Return what live jobs come to by the hour (of UTC) in which they were submitted, in one query."""
    hours = submitted(since, until).values(hour=TruncHour("created_at", tzinfo=UTC)).annotate(**measures())
    return {row["hour"]: figures_of(row) for row in hours}


def failures(since: datetime, until: datetime) -> dict[str, int]:
    """Return how many live jobs of this time failed with each error code, the commonest first."""
    failed = submitted(since, until).filter(status=Status.FAILED)
    counted = failed.values_list("error_code").annotate(jobs=Count("pk")).order_by("-jobs", "error_code")
    return dict(counted)


def queue() -> Queue:
    """Return what waits and what is worked on, in both modes: a query each, since each has an index of its own."""
    active = Job.objects.filter(organisation__suspended_at=None)
    waiting = active.filter(status=Status.PENDING).aggregate(pending=Count("pk"), oldest=Min("created_at"))
    return Queue(processing=active.filter(status=Status.PROCESSING).count(), **waiting)
