"""What jobs come to, against sets of them made by hand."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation, Workspace
from tryon.models import Job
from tryon.usage import Figures, Scope, usage
from zupertry.core import ids
from zupertry.testing.world import World

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 3)
MORNING = datetime(2026, 3, 2, 9, tzinfo=UTC)
_numbers = count()


@pytest.fixture
def alice(world: World) -> Organisation:
    return world.organisation


def scope_of(organisation: Organisation, **chosen: Any) -> Scope:
    return Scope(organisation.id, FIRST, LAST, **chosen)


def job(
    organisation: Organisation, at: datetime = MORNING, status: str = "completed", seconds: float = 1, **fields: Any
) -> None:
    """A job that was submitted at this moment and ended so many seconds later."""
    ended = status not in {"pending", "processing"}
    fields.setdefault("workspace", organisation.workspaces.order_by("id").first())
    fields.setdefault("mode", "live")
    Job(
        id=ids.encode("job", UUID(int=ids.first_at(at).int + next(_numbers))),
        organisation=organisation,
        status=status,
        actor="system",
        woken_at=at,
        completed_at=at + timedelta(seconds=seconds) if ended else None,
        credits_consumed=int(status == "completed" and fields["mode"] == "live") if ended else None,
        **fields,
    ).save(force_insert=True)


def test_every_status_credits_and_times_are_counted(alice):
    for seconds in (10, 20, 30, 40):
        job(alice, seconds=seconds)
    job(alice, mode="test", seconds=50)
    for status in ("failed", "refunded", "cancelled", "pending", "processing"):
        job(alice, status=status, seconds=9000)

    found = usage(scope_of(alice)).total

    assert found == Figures(
        pending=1,
        processing=1,
        completed=5,
        failed=1,
        cancelled=1,
        refunded=1,
        credits=4,
        median=timedelta(seconds=30),
        p95=timedelta(seconds=48),
    )
    assert found.jobs == 10
    assert found.success_rate == pytest.approx(5 / 7)


def test_a_day_is_one_of_utc_from_its_first_millisecond_to_its_last(alice):
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    millisecond = timedelta(milliseconds=1)
    for days, many in enumerate((1, 2, 4, 8, 16)):
        start = midnight + timedelta(days=days - 1)
        for number in range(many):
            job(alice, start if number % 2 else start + timedelta(days=1) - millisecond, seconds=172_800)

    found = usage(scope_of(alice))

    assert [(day.day.day, day.figures.jobs) for day in found.days] == [(1, 2), (2, 4), (3, 8)]
    assert found.total.jobs == 14


def test_days_without_jobs_are_there_with_nothing(alice):
    job(alice)
    first, second, third = usage(scope_of(alice)).days
    assert first.figures == third.figures == Figures()
    assert first.figures.success_rate is None
    assert second.figures.completed == 1


def test_workspaces_are_told_apart_and_the_busiest_is_first(alice):
    kids = Workspace.objects.create(organisation=alice, name="Kids")
    Workspace.objects.create(organisation=alice, name="Unused")
    job(alice, status="failed")
    for _ in range(2):
        job(alice, workspace=kids)

    found = usage(scope_of(alice)).workspaces

    assert [(workspace.name, workspace.figures.jobs, workspace.figures.success_rate) for workspace in found] == [
        ("Kids", 2, 1.0),
        ("Default", 1, 0.0),
    ]


def test_a_workspace_or_a_mode_is_chosen(alice):
    kids = Workspace.objects.create(organisation=alice, name="Kids")
    job(alice)
    job(alice, workspace=kids, mode="test")

    assert usage(scope_of(alice, workspace_id=kids.id)).total.credits == 0
    assert usage(scope_of(alice, mode="live")).total.credits == usage(scope_of(alice, mode="live")).total.jobs == 1


def test_of_nothing_there_is_nothing(alice, world):
    job(alice)
    found = usage(scope_of(Organisation.objects.get(pk=world.charlie.org_id)))
    assert (found.total, found.workspaces) == (Figures(), [])


def test_it_takes_three_queries_whatever_there_is(alice):
    for number in range(50):
        shelf = Workspace.objects.create(organisation=alice, name=f"Shelf {number}")
        job(alice, MORNING + timedelta(hours=number % 24 - 12), workspace=shelf)
    with CaptureQueriesContext(connection) as queries:
        assert usage(scope_of(alice)).total.jobs == 50
    assert len(queries) == 3
