"""`GET /v1/jobs`: filters, the walk with the cursor, and what it costs."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from accounts import organisations
from accounts.models import Mode, Organisation, Workspace
from tryon.api.serializers import JobQuery
from tryon.api.viewsets import _filtered
from tryon.models import Job
from zupertry.core import ids
from zupertry.core.api import timestamp
from zupertry.testing.api import ApiClient, refusal, refused_field

NOBODYS_JOB = "job_06h0lr6jrlqjl1uo4mc5cohu7k"
NOBODYS_WORKSPACE = "ws_06h0lr6ertpt9aee77b9irmv7c"
DETAIL_ONLY = {"webhook_url", "webhook_status"}


def page(client: ApiClient, **query) -> dict:
    response = client.get("/v1/jobs", query)
    assert response.status_code == 200, response.content
    body: dict = response.json()
    assert set(body) == {"jobs", "next_cursor", "has_more"}
    assert body["has_more"] == (body["next_cursor"] is not None)
    return body


def listed(client: ApiClient, **query) -> list[str]:
    return [job["job_id"] for job in page(client, **query)["jobs"]]


def walk(client: ApiClient, **query) -> list[str]:
    """Return the ids of every page, in order."""
    seen, cursor = [], {}
    while True:
        body = page(client, **query, **cursor)
        seen += [job["job_id"] for job in body["jobs"]]
        if not body["has_more"]:
            return seen
        cursor = {"cursor": body["next_cursor"]}


def submit_many(client: ApiClient, count: int, **fields) -> list[str]:
    return [client.submit_job(**fields) for _ in range(count)]


def test_no_jobs_is_an_empty_last_page(live):
    assert page(live) == {"jobs": [], "next_cursor": None, "has_more": False}


def test_jobs_are_listed_newest_first_without_what_only_the_detail_has(live):
    made = submit_many(live, 3, metadata={"a": "b"}, client_reference_id="7", webhook_url="https://shop.example.com/")
    jobs_listed = page(live)["jobs"]
    assert [job["job_id"] for job in jobs_listed] == made[::-1]
    detail = live.get(f"/v1/jobs/{made[0]}").json()
    assert jobs_listed[-1] == {name: value for name, value in detail.items() if name not in DETAIL_ONLY}


def test_a_page_has_20_jobs_unless_told(test):
    made = submit_many(test, 21)
    assert listed(test) == made[:0:-1]
    assert listed(test, limit=1) == made[-1:]
    assert listed(test, limit=100) == made[::-1]
    assert page(test, limit=21)["has_more"] is False
    assert page(test, limit=20)["has_more"] is True


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_a_walk_sees_every_job_once(test, limit):
    made = submit_many(test, 7)
    assert walk(test, limit=limit) == made[::-1]


def test_a_walk_sees_what_existed_when_it_began_whatever_is_submitted_and_ended_meanwhile(world, test):
    made = submit_many(test, 6)
    seen, cursor = [], {}
    while True:
        body = page(test, limit=2, **cursor)
        seen += [job["job_id"] for job in body["jobs"]]
        if not body["has_more"]:
            break
        cursor = {"cursor": body["next_cursor"]}
        submit_many(test, 3)
        test.delete(f"/v1/jobs/{made[0]}")
    assert seen == made[::-1]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "abc", "", "1e1", "9" * 30, "9" * 2000, "NaN"])
def test_a_limit_is_between_1_and_100(live, limit):
    refused_field(live.get("/v1/jobs", {"limit": limit}), "limit")


def cursor_for(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "!!!!",
        "a",
        "é",
        "\x00",
        "=",
        NOBODYS_JOB,
        cursor_for("job_x"),
        cursor_for(NOBODYS_WORKSPACE),
        cursor_for(NOBODYS_JOB) + "!",
        cursor_for(NOBODYS_JOB) + "=",
        " " + cursor_for(NOBODYS_JOB),
        cursor_for("job_' OR 1=1 --"),
        "A" * 3000,
    ],
)
def test_a_cursor_that_is_none_of_ours_is_refused(live, cursor):
    refused_field(live.get("/v1/jobs", {"cursor": cursor}), "cursor")


def test_everything_that_is_wrong_with_a_query_is_told_at_once(live):
    query = {"limit": "0", "status": "foo", "cursor": "zz", "created_after": "yesterday"}
    assert set(refusal(live.get("/v1/jobs", query), 422, "validation_error")["fields"]) == set(query)


def test_a_cursor_of_anothers_listing_shows_nothing_of_theirs(world, test):
    charlie = ApiClient(world.charlie.test_key)
    mine = submit_many(charlie, 1)
    submit_many(test, 2)
    mine += submit_many(charlie, 1)
    cursor = page(test, limit=1)["next_cursor"]
    assert listed(charlie, cursor=cursor) == mine[:1]


def test_a_cursor_may_be_used_again_and_with_other_filters(test):
    made = submit_many(test, 4)
    cursor = page(test, limit=2)["next_cursor"]
    assert listed(test, cursor=cursor) == listed(test, cursor=cursor) == made[1::-1]
    assert listed(test, cursor=cursor, status="completed") == []


# Filters


def test_a_test_key_lists_test_jobs_only_and_a_live_key_both(live, test):
    live_job, test_job = live.submit_job(), test.submit_job()
    assert listed(test) == listed(test, mode="test") == listed(live, mode="test") == [test_job]
    assert listed(live) == [test_job, live_job]
    assert listed(live, mode="live") == [live_job]
    assert listed(test, mode="live") == []


def test_nobody_lists_anothers_jobs(world, live):
    live.submit_job(client_reference_id="7")
    charlie = ApiClient(world.charlie.live_key)
    assert listed(charlie) == listed(charlie, client_reference_id="7") == []
    refusal(charlie.get("/v1/jobs", {"workspace_id": world.alice.workspace_id}), 404, "workspace_not_found")


def test_the_status_filter_knows_every_state(live):
    made = {status: live.submit_job() for status in Job.Status.values}
    for status, job_id in made.items():
        Job.objects.filter(id=job_id).update(status=status)
    assert set(made) == {"pending", "processing", "completed", "failed", "cancelled", "refunded"}
    for status, job_id in made.items():
        assert listed(live, status=status) == [job_id]


@pytest.mark.parametrize("query", [{"status": "done"}, {"status": ""}, {"mode": "prod"}, {"mode": ""}])
def test_an_unknown_state_or_mode_is_refused(live, query):
    error = refusal(live.get("/v1/jobs", query), 422, "validation_error")
    assert list(error["fields"]) == list(query)


def test_the_workspace_filter_knows_archived_workspaces_too(world, test):
    second = organisations.create_workspace(world.organisation, "Autumn", actor="user:test")
    here, there = test.submit_job(), test.submit_job(workspace_id=second.id)
    Workspace.objects.filter(id=second.id).update(status=Workspace.Status.ARCHIVED)
    assert listed(test, workspace_id=world.alice.workspace_id) == [here]
    assert listed(test, workspace_id=second.id) == [there]
    empty = organisations.create_workspace(world.organisation, "Empty", actor="user:test")
    assert listed(test, workspace_id=empty.id) == []
    assert walk(test, workspace_id=second.id, limit=1) == [there]


@pytest.mark.parametrize("workspace_id", [NOBODYS_WORKSPACE, NOBODYS_JOB, "x", "", "ws_", "é", "a" * 2000])
def test_an_unknown_workspace_is_not_found(live, workspace_id):
    live.submit_job()
    refusal(live.get("/v1/jobs", {"workspace_id": workspace_id}), 404, "workspace_not_found")


def test_the_reference_filter_is_exact(test):
    made = {reference: test.submit_job(client_reference_id=reference) for reference in ("a", "A", "a ", "a%", "")}
    test.submit_job()
    for reference, job_id in made.items():
        assert listed(test, client_reference_id=reference) == [job_id]
    assert listed(test, client_reference_id="b") == []


@pytest.mark.parametrize("reference", ["a" * 201, "a\x00"])
def test_a_reference_that_no_job_can_have_is_refused(live, reference):
    refused_field(live.get("/v1/jobs", {"client_reference_id": reference}), "client_reference_id")


def test_filters_narrow_together(world, live, test):
    wanted = test.submit_job(client_reference_id="7")
    test.submit_job(client_reference_id="8")
    live.submit_job(client_reference_id="7")
    query = {"client_reference_id": "7", "mode": "test", "workspace_id": world.alice.workspace_id, "status": "pending"}
    assert listed(live, **query) == [wanted]


def test_unknown_parameters_are_ignored_and_of_two_the_last_counts(test):
    made = submit_many(test, 2)
    assert listed(test, colour="red", wait="abc") == made[::-1]
    assert len(test.get("/v1/jobs?limit=2&limit=1").json()["jobs"]) == 1


def test_created_after_and_before_are_exclusive_to_the_millisecond(test):
    job_id = test.submit_job()
    made_at, millisecond = ids.made_at(job_id), timedelta(milliseconds=1)
    assert listed(test, created_after=timestamp(made_at - millisecond)) == [job_id]
    assert listed(test, created_after=timestamp(made_at)) == []
    assert listed(test, created_before=timestamp(made_at + millisecond)) == [job_id]
    assert listed(test, created_before=timestamp(made_at)) == []
    microsecond = timedelta(microseconds=1)
    assert listed(test, created_after=(made_at - microsecond).isoformat()) == [job_id]
    assert listed(test, created_before=(made_at + microsecond).isoformat()) == [job_id]


@pytest.mark.parametrize("offset", ["Z", "+00:00", "+05:30", "-11:00"])
def test_moments_may_be_told_in_any_zone(test, offset):
    job_id = test.submit_job()
    hours = {"Z": 0.0, "+00:00": 0.0, "+05:30": 5.5, "-11:00": -11.0}[offset]
    local = ids.made_at(job_id) + timedelta(hours=hours) - timedelta(seconds=1)
    assert listed(test, created_after=local.strftime("%Y-%m-%dT%H:%M:%S.%f") + offset) == [job_id]
    local += timedelta(seconds=2)
    assert listed(test, created_after=local.strftime("%Y-%m-%dT%H:%M:%S.%f") + offset) == []


@pytest.mark.parametrize(
    ("moment", "before_now"),
    [
        ("0001-01-01T00:00:00Z", True),
        ("1969-12-31T23:59:59.999Z", True),
        ("1970-01-01", True),
        ("9999-12-31T23:59:59.999999Z", False),
        ("9999-12-31T00:00:00-11:00", False),
    ],
)
def test_absurd_dates_are_dates(test, moment, before_now):
    job_id = test.submit_job()
    assert listed(test, created_after=moment) == ([job_id] if before_now else [])
    assert listed(test, created_before=moment) == ([] if before_now else [job_id])


@pytest.mark.parametrize("name", ["created_after", "created_before"])
@pytest.mark.parametrize(
    "moment",
    [
        "",
        "yesterday",
        "1774000000",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "10000-01-01T00:00:00Z",
        "-0001-01-01T00:00:00Z",
        "2026-01-01T00:00:00+99:99",
        "\x00",
        "9" * 3000,
    ],
)
def test_what_is_no_moment_is_refused(live, name, moment):
    refused_field(live.get("/v1/jobs", {name: moment}), name)


# What it costs


@pytest.mark.parametrize("count", [0, 1, 50])
def test_any_number_of_jobs_takes_one_query_and_the_keys(world, test, django_assert_max_num_queries, count):
    """The note of when the key was used aside, which is written once a minute."""
    submit_many(test, count)
    queries: list[dict[str, str]] = [{}, {"workspace_id": world.alice.workspace_id}, {"status": "failed"}]
    listed(test)
    for query in (*queries, {**queries[1], "status": "failed"}):
        with django_assert_max_num_queries(2):
            assert len(listed(test, limit=100, **query)) == (0 if "status" in query else count)
    with django_assert_max_num_queries(2):
        test.get("/v1/jobs", {"workspace_id": NOBODYS_WORKSPACE})


def make_history(world, count: int) -> None:
    """Fill the table as a busy year would: most jobs are other organisations', most of ours are completed."""
    alice, charlie = (Organisation.objects.get(id=id_) for id_ in (world.alice.org_id, world.charlie.org_id))
    shelves = [Workspace(organisation=alice, name=f"Shelf {n}", created_at=datetime.now(UTC)) for n in range(40)]
    Workspace.objects.bulk_create(shelves)
    theirs = Workspace.objects.get(id=world.charlie.workspace_id)
    Job.objects.bulk_create(
        Job(
            organisation=alice if number % 4 == 0 else charlie,
            workspace=shelves[number // 4 % 40] if number % 4 == 0 else theirs,
            mode=Mode.TEST if number % 16 == 0 else Mode.LIVE,
            status=Job.Status.FAILED if number % 80 == 0 else Job.Status.COMPLETED,
            client_reference_id=f"order-{number // 8}" if number % 8 == 0 else None,
            actor="key:test",
            woken_at=datetime.now(UTC),
        )
        for number in range(count)
    )


def rows_read(node: dict) -> int:
    """Return how many rows a plan took from tables and indexes, those that it threw away among them."""
    children = node.get("Plans", [])
    if children:
        return sum(map(rows_read, children))
    return int(node["Actual Rows"] + node.get("Rows Removed by Filter", 0))


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="the plans are PostgreSQL's")
def test_every_filter_reads_the_page_from_an_index(world):
    make_history(world, 5_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tryon_job")
    shelf = Workspace.objects.filter(name="Shelf 1").values_list("id", flat=True)[0]
    recent = timestamp(datetime.now(UTC) - timedelta(milliseconds=100))
    listable = Job.objects.filter(organisation_id=world.alice.org_id)
    queries: list[dict[str, str]] = [
        {},
        {"status": "failed"},
        {"status": "completed"},
        {"mode": "test"},
        {"mode": "live"},
        {"workspace_id": shelf},
        {"client_reference_id": "order-7"},
        {"created_after": recent},
        {"created_before": recent},
    ]
    for query in queries:
        asked = JobQuery(data=query)
        asked.is_valid(raise_exception=True)
        filtered = _filtered(listable, asked.validated_data).order_by("-pk")[:21]
        (plan,) = json.loads(filtered.explain(analyze=True, format="json"))
        assert "Seq Scan" not in str(plan), (query, plan)
        assert rows_read(plan["Plan"]) <= 200, (query, plan)
