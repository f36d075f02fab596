"""What an organisation's jobs come to: by day, by workspace and in all.

A job counts on the day of UTC on which it was submitted, whenever it ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, DurationField, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from accounts.models import Mode
from tryon.models import Job
from tryon.percentile import PercentileCont
from zupertry.core import ids

Status = Job.Status


@dataclass(frozen=True, slots=True)
class Scope:
    """Which jobs: an organisation's, submitted from `first` to `last` (days of UTC, both included).

    Empty `workspace_id` or `mode`: every one.
    """

    organisation_id: str
    first: date
    last: date
    workspace_id: str = ""
    mode: str = ""

    @property
    def days(self) -> list[date]:
        """Every day of it, in order."""
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


@dataclass(frozen=True, slots=True)
class Figures:
    """How many jobs are in each status, the credits they spent, and the time from submit to finished picture.

    `median` and `p95` (the 95th percentile) are those of completed jobs; None where there are none.
    """

    pending: int = 0
    processing: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    refunded: int = 0
    credits: int = 0
    median: timedelta | None = None
    p95: timedelta | None = None

    @property
    def jobs(self) -> int:
        """How many there are."""
        return self.unfinished + self.completed + self.failed + self.withdrawn

    @property
    def unfinished(self) -> int:
        """How many have not ended."""
        return self.pending + self.processing

    @property
    def withdrawn(self) -> int:
        """How many were cancelled before they began, or refunded after they had ended."""
        return self.cancelled + self.refunded

    @property
    def success_rate(self) -> float | None:
        """The share, 0 to 1, of completed among those that were tried to the end; None when none was."""
        tried = self.completed + self.failed + self.refunded
        return self.completed / tried if tried else None


@dataclass(frozen=True, slots=True)
class DayUsage:
    """A day of UTC."""

    day: date
    figures: Figures


@dataclass(frozen=True, slots=True)
class WorkspaceUsage:
    """A workspace in which there were jobs."""

    id: str
    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Usage:
    """All of it: `days` has every day of the scope, `workspaces` those that had jobs, the busiest first."""

    total: Figures
    days: list[DayUsage]
    workspaces: list[WorkspaceUsage]


def usage(scope: Scope) -> Usage:
    """Return what these jobs come to, in three queries."""
    return Usage(total(scope), by_day(scope), by_workspace(scope))


def total(scope: Scope) -> Figures:
    """Return the figures of all these jobs together, in one query."""
    return figures_of(_jobs(scope).aggregate(**measures()))


def by_mode(scope: Scope) -> dict[Mode, Figures]:
    """Return the figures of each mode that had jobs, in one query."""
    grouped = _jobs(scope).order_by().values("mode").annotate(**measures())
    return {Mode(row["mode"]): figures_of(row) for row in grouped}


def by_day(scope: Scope) -> list[DayUsage]:
    """Return the figures of each day, also of those without jobs, in one query."""
    grouped = _jobs(scope).order_by().values(day=TruncDate("created_at", tzinfo=UTC)).annotate(**measures())
    found = {row["day"]: figures_of(row) for row in grouped}
    return [DayUsage(day, found.get(day, Figures())) for day in scope.days]


def by_workspace(scope: Scope) -> list[WorkspaceUsage]:
    """Return the figures of each workspace that had jobs, the busiest first, in one query."""
    grouped = _jobs(scope).order_by().values("workspace_id", "workspace__name").annotate(**measures())
    found = [WorkspaceUsage(row["workspace_id"], row["workspace__name"], figures_of(row)) for row in grouped]
    return sorted(found, key=lambda workspace: (-workspace.figures.jobs, workspace.name))


def _jobs(scope: Scope) -> QuerySet[Job]:
    """Select by id, which rises with time: the indexes of the listings serve here, too."""
    chosen = {"workspace_id": scope.workspace_id, "mode": scope.mode}
    return Job.objects.filter(
        organisation_id=scope.organisation_id,
        pk__gte=ids.encode("job", ids.first_at(datetime.combine(scope.first, time.min, UTC))),
        pk__lt=ids.encode("job", ids.first_after(datetime.combine(scope.last, time.max, UTC))),
        **{name: value for name, value in chosen.items() if value},
    )


def measures() -> dict[str, Any]:
    """Return what to ask of a set of jobs: an aggregate for each of the `Figures`."""
    completed = Q(status=Status.COMPLETED)
    took = F("completed_at") - F("created_at")
    return {
        **{status.value: Count("pk", filter=Q(status=status)) for status in Status},
        "credits": Sum("credits_consumed", default=0),
        "median": PercentileCont(took, fraction=0.5, filter=completed, output_field=DurationField()),
        "p95": PercentileCont(took, fraction=0.95, filter=completed, output_field=DurationField()),
    }


def figures_of(row: Mapping[str, Any]) -> Figures:
    """Return the figures that the answer to `measures` holds."""
    return Figures(**{name: row[name] for name in measures()})
