"""How the service as a whole does, against jobs made by hand."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts import organisations
from accounts.models import Organisation
from tryon import throughput
from tryon.models import Job
from zupertry.core import ids
from zupertry.testing.world import World

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
_numbers = count()


def job(org_id: str, at: datetime, status: str = "completed", seconds: float = 1, **fields: Any) -> Job:
    organisation = Organisation.objects.get(pk=org_id)
    ended = status not in {"pending", "processing"}
    fields.setdefault("mode", "live")
    made = Job(
        id=ids.encode("job", UUID(int=ids.first_at(at).int + next(_numbers))),
        organisation=organisation,
        workspace=organisation.workspaces.order_by("id")[0],
        actor="system",
        status=status,
        woken_at=at,
        completed_at=at + timedelta(seconds=seconds) if ended else None,
        **fields,
    )
    made.save(force_insert=True)
    return made


def test_jobs_of_every_organisation_count_by_the_hour(world: World) -> None:
    job(world.alice.org_id, NINE)
    job(world.charlie.org_id, NINE + HOUR - timedelta(milliseconds=1), "failed", error_code="engine_error")
    job(world.charlie.org_id, NINE + HOUR, seconds=3)
    job(world.charlie.org_id, NINE + 2 * HOUR)
    job(world.alice.org_id, NINE, mode="test")

    hours = throughput.by_hour(NINE, NINE + 2 * HOUR)

    assert {hour: figures.jobs for hour, figures in hours.items()} == {NINE: 2, NINE + HOUR: 1}
    assert hours[NINE].success_rate == 0.5
    assert hours[NINE + HOUR].median == timedelta(seconds=3)
    whole = throughput.over(NINE, NINE + 2 * HOUR)
    assert (whole.jobs, whole.completed, whole.failed) == (3, 2, 1)


def test_failures_are_counted_by_their_code_the_commonest_first(world: World) -> None:
    for code in ("engine_timeout", "content_blocked", "content_blocked"):
        job(world.alice.org_id, NINE, "failed", error_code=code)
    job(world.alice.org_id, NINE)

    assert list(throughput.failures(NINE, NINE + HOUR).items()) == [("content_blocked", 2), ("engine_timeout", 1)]


def test_the_queue_has_what_waits_but_not_what_waits_for_a_suspended_customer(world: World) -> None:
    now = timezone.now()
    assert throughput.queue() == throughput.Queue(0, 0, None)
    job(world.alice.org_id, now - timedelta(minutes=9), "processing", mode="test")
    oldest = job(world.alice.org_id, now - timedelta(minutes=5), "pending")
    job(world.alice.org_id, now, "pending", mode="test")
    job(world.charlie.org_id, now - timedelta(hours=5), "pending")
    organisations.suspend(Organisation.objects.get(pk=world.charlie.org_id), actor="system", reason="test")

    assert throughput.queue() == throughput.Queue(2, 1, oldest.created_at)
