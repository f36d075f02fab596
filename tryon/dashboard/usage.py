"""What an organisation's jobs came to: figures, charts, and the same as CSV."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.dashboard.access import MemberRequest, member_view
from accounts.dashboard.listings import csv_of
from accounts.models import Mode, Workspace
from tryon.dashboard.usage_filter import RANGES, UsageFilter
from tryon.models import Job
from tryon.usage import Figures, Scope, by_day, usage

FILTERS, DAYS = ("workspace", "mode"), ("since", "until")
CSV_COLUMNS = [
    "day_utc",
    "jobs",
    *Job.Status.values,
    "credits_spent",
    "success_rate",
    "median_seconds",
    "p95_seconds",
]


@require_safe
@member_view()
def page(request: MemberRequest) -> HttpResponseBase:
    """`GET /dashboard/usage`: the days chosen, all together, by day, by status and by workspace."""
    form = _filter(request)
    scope = form.scope(request.organisation.id)
    found = usage(scope)
    context = {
        "form": form,
        "scope": scope,
        "usage": found,
        "statuses": _statuses(found.total),
        "ranges": [(days, _query(request, days, FILTERS), days == form.preset) for days in RANGES],
        "query": _query(request, form.preset, FILTERS + DAYS),
        "days_query": _query(request, form.preset, DAYS),
        "jobs_query": _jobs_query(scope),
        "filtered": bool(scope.workspace_id) or scope.mode != form.default_mode,
    }
    return render(request, "dashboard/usage/page.html", context)


def _statuses(figures: Figures) -> list[tuple[str, str, int, float]]:
    """Return each status in which there are jobs: its label and value, how many, and their share of all."""
    counts = [(status.label, status.value, getattr(figures, status)) for status in Job.Status]
    return [(label, value, count, count / figures.jobs) for label, value, count in counts if count]


@require_safe
@member_view()
def as_csv(request: MemberRequest) -> HttpResponseBase:
    """`GET /dashboard/usage.csv`: the same days, a line each."""
    return csv_of("usage", request.organisation, CSV_COLUMNS, _lines(_filter(request).scope(request.organisation.id)))


def _lines(scope: Scope) -> Iterator[list[Any]]:
    for day in by_day(scope):
        figures = day.figures
        yield [
            day.day,
            figures.jobs,
            *(getattr(figures, status) for status in Job.Status),
            figures.credits,
            "" if figures.success_rate is None else round(figures.success_rate, 4),
            *_seconds(figures),
        ]


def _seconds(figures: Figures) -> list[float | str]:
    return ["" if time is None else round(time.total_seconds(), 3) for time in (figures.median, figures.p95)]


def _filter(request: MemberRequest) -> UsageFilter:
    """Return the choice, of live jobs unless another is made; of test jobs as long as there are no others."""
    live = Exists(Job.objects.filter(organisation=request.organisation, mode=Mode.LIVE))
    own = Workspace.objects.filter(organisation=request.organisation).order_by("id").values_list("id", "name", live)
    workspaces = {id_: name for id_, name, _ in own}
    default = Mode.LIVE if any(is_live for _, _, is_live in own) else Mode.TEST
    form = UsageFilter(workspaces, default, timezone.now().date(), request.GET)
    form.is_valid()  # a filter that can't be read is reported beside its field, and filters nothing
    return form


def _query(request: MemberRequest, days: int | None, kept: tuple[str, ...]) -> str:
    """Return the last `days`, and what was chosen here of the fields that are `kept`, for another address."""
    given = {"days": days, **{name: request.GET.get(name) for name in kept}}
    return urlencode({name: value for name, value in given.items() if value})


def _jobs_query(scope: Scope) -> str:
    """Return the same choice as the listing of jobs takes it."""
    given = {"since": scope.first, "until": scope.last, "workspace": scope.workspace_id, "mode": scope.mode}
    return urlencode({name: value for name, value in given.items() if value})
