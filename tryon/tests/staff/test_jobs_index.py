"""What staff's listing of jobs asks of PostgreSQL: an index for each filter, each search, and the order."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from accounts.models import Mode
from tryon.models import Job
from zupertry.core import ids
from zupertry.testing.plans import check_plan, first_page
from zupertry.testing.staff import make_staff
from zupertry.testing.world import World

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="the plans are PostgreSQL's"),
]

ROWS = 3_000
RARE = ("failed", "pending", "cancelled", "refunded")


@pytest.fixture
def history(world: World) -> str:
    """A table in which what staff look for is rare, and the newest organisation's last job."""
    alice = world.organisation
    made = [
        Job(
            organisation_id=world.charlie.org_id if number % 500 else alice.id,
            workspace_id=world.charlie.workspace_id if number % 500 else world.alice.workspace_id,
            mode=Mode.TEST if number % 200 == 0 else Mode.LIVE,
            status=["failed", "pending", "cancelled", "refunded"][number // 100 % 4]
            if number % 100 == 0
            else "completed",
            error_code="engine_error" if number % 400 == 0 else "",
            client_reference_id=f"order-{number}" if number % 2 else None,
            idempotency_key=f"once-{number}" if number % 3 == 0 else None,
            request_id=f"req_{number:024}",
            engine_request_id=f"vertex-{number}" if number % 5 else "",
            actor="key:test",
            woken_at=datetime.now(UTC),
        )
        for number in range(ROWS)
    ]
    Job.objects.bulk_create(made)
    Job.objects.filter(pk=made[-1].pk).update(rerun_of=made[0].pk)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tryon_job")
    return str(made[-1].pk)


def test_each_filter_and_search_has_an_index(history, world):
    staff = make_staff("Support")
    filters = [
        {},
        *({"status__exact": status} for status in Job.Status.values),
        *({"mode__exact": mode} for mode in Mode.values),
        {"error_code": "engine_error"},
        {"error_code": "engine_error", "status__exact": "failed", "mode__exact": "test"},
        {"when": f"{datetime.now(UTC):%Y-%m-%d}"},
        {"when": "2001"},
        {"status__exact": "failed", "when": f"{datetime.now(UTC):%Y}"},
        {"q": world.charlie.org_id},
    ]
    for query in filters:
        check_plan(first_page(staff, Job, **query), 250)
    terms = [history, "req_" + "7".zfill(24), "order-7", "vertex-7", "once-9", world.alice.org_id, ids.new("job"), "x"]
    for term in terms:
        check_plan(first_page(staff, Job, q=term), 30)
    check_plan(Job.objects.filter(rerun_of=ids.new("job")).order_by("pk"), 10)
