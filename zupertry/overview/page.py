"""The dashboard's first page: what is left, what happened today, what goes wrong, and what to do next.

It asks every app; what a role may not see is neither asked for nor shown.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.dashboard.access import MemberRequest, member_view
from accounts.webhooks.failing import failing
from billing import ledger, pace
from tryon.models import Job
from tryon.usage import Scope, total
from zupertry.core import ids
from zupertry.overview.checklist import Step, steps_of

LATEST = 6
FAILING_DAYS = 7


@require_safe
@member_view()
def overview(request: MemberRequest) -> HttpResponseBase:
    """`GET /dashboard/`: how the organisation stands."""
    now = timezone.now()
    latest = _latest(request.organisation.id, now)
    context = _today(request.organisation.id, now) | {"latest": latest, "steps": _steps(request, latest)}
    if "billing" in request.areas:
        context |= _credits(request.organisation.id, now)
    if "developer" in request.areas:
        since = now - timedelta(days=FAILING_DAYS)
        context |= {"failing": failing(request.organisation.id, since), "failing_days": FAILING_DAYS}
    return render(request, "dashboard/home.html", context)


def _today(organisation_id: str, now: datetime) -> dict[str, Any]:
    figures = total(Scope(organisation_id, now.date(), now.date()))
    states = [(status.label, status.value, getattr(figures, status)) for status in Job.Status]
    return {"today": now.date(), "figures": figures, "states": [state for state in states if state[2]]}


def _latest(organisation_id: str, now: datetime) -> list[Job]:
    """Return the jobs whose pictures are the latest there are; older ones than the retention have none."""
    since = ids.encode("job", ids.first_at(now - settings.RETENTION_OUTPUT))
    completed = Job.objects.filter(organisation=organisation_id, status=Job.Status.COMPLETED, pk__gte=since)
    return list(completed.exclude(output_name="").order_by("-pk")[:LATEST])


def _steps(request: MemberRequest, latest: list[Job]) -> list[Step]:
    """Return the steps to take, while any is left to take and there is little to see."""
    if len(latest) == LATEST:
        return []
    steps = steps_of(request.organisation.id, request.areas)
    return [] if all(step.done for step in steps) else steps


def _credits(organisation_id: str, now: datetime) -> dict[str, Any]:
    account = ledger.balance(organisation_id)
    spent = pace.spent_lately(organisation_id, now)
    return {
        "account": account,
        "owed": max(0, -account.available),
        "low": 0 <= account.available < account.low_balance_at,
        "spent": spent,
        "days_left": pace.days_left(account.available, spent),
        "pace_days": pace.PACE_DAYS,
    }
