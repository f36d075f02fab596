"""The dashboard's first page: what is left, what happened today, what goes wrong, and what to do next.

It asks every app; what a role may not see is neither asked for nor shown.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.dashboard.access import MemberRequest, member_view
from accounts.models import Mode
from accounts.webhooks.failing import failing
from billing import ledger, pace
from tryon.models import Job
from tryon.usage import Figures, Scope, by_mode
from zupertry.core import ids
from zupertry.overview.checklist import Step, steps_of

LATEST = 6
FAILING_DAYS = 7
HIDDEN = "steps_hidden"


@require_safe
@member_view()
def overview(request: MemberRequest) -> HttpResponseBase:
    """`GET /dashboard/`: how the organisation stands."""
    now = timezone.now()
    context = _today(request.organisation.id, now) | {
        "latest": _latest(request.organisation.id, now),
        "steps": _steps(request),
    }
    if "billing" in request.areas:
        context |= _credits(request.organisation.id, now)
    if "developer" in request.areas:
        since = now - timedelta(days=FAILING_DAYS)
        context |= {"failing": failing(request.organisation.id, since), "failing_days": FAILING_DAYS}
    return render(request, "dashboard/home.html", context)


@require_POST
@member_view()
def hide_steps(request: MemberRequest) -> HttpResponseBase:
    """`POST /dashboard/hide-steps`: show this person no steps of this organisation until the next login."""
    request.session[HIDDEN] = sorted({*request.session.get(HIDDEN, []), request.organisation.id})
    return redirect("dashboard")


def _today(organisation_id: str, now: datetime) -> dict[str, Any]:
    """Return today's figures of live jobs, and of test jobs beside them; in their place where there are none."""
    found = by_mode(Scope(organisation_id, now.date(), now.date()))
    live, test = found.get(Mode.LIVE), found.get(Mode.TEST)
    main = Mode.TEST if test and not live else Mode.LIVE
    figures = found.get(main, Figures())
    return {
        "today": now.date(),
        "mode": main,
        "figures": figures,
        "states": _states(figures),
        "test": test if live else None,
        "test_states": _states(test) if live and test else [],
    }


def _states(figures: Figures) -> list[tuple[str, str, int]]:
    """Return each status in which there are jobs: its label and value, and how many."""
    states = [(status.label, status.value, getattr(figures, status)) for status in Job.Status]
    return [state for state in states if state[2]]


def _latest(organisation_id: str, now: datetime) -> list[Job]:
    """Return the jobs whose pictures are the latest there are; older ones than the retention have none."""
    since = ids.encode("job", ids.first_at(now - settings.RETENTION_OUTPUT))
    completed = Job.objects.filter(organisation=organisation_id, status=Job.Status.COMPLETED, pk__gte=since)
    return list(completed.exclude(output_name="").order_by("-pk")[:LATEST])


def _steps(request: MemberRequest) -> list[Step]:
    """Return the steps to take, while any is left to take; none where they are hidden."""
    if request.organisation.id in request.session.get(HIDDEN, []):
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
