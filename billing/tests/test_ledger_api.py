"""`GET /v1/credits` and `GET /v1/ledger`."""

from datetime import timedelta

import pytest
from django.db import connection

from billing import ledger
from billing.models import CreditAccount, LedgerEntry
from tryon import jobs
from tryon.failures import failure
from zupertry.core import ids
from zupertry.core.api import timestamp
from zupertry.testing.api import ApiClient, refusal, refused_field
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db

FIELDS = {"id", "kind", "available_delta", "reserved_delta", "reference", "note", "created_at"}
NOBODYS_ENTRY = "led_06h0lr6jrlqjl1uo4mc5cohu7k"


@pytest.fixture
def alice(world: World) -> ApiClient:
    return ApiClient(world.alice.live_key)


def credits_of(client: ApiClient) -> tuple[int, int]:
    answer = client.get("/v1/credits")
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert set(body) == {"available", "reserved"}
    return body["available"], body["reserved"]


def page(client: ApiClient, **query) -> dict:
    answer = client.get("/v1/ledger", query)
    assert answer.status_code == 200, answer.content
    body: dict = answer.json()
    assert set(body) == {"entries", "next_cursor", "has_more"}
    assert body["has_more"] == (body["next_cursor"] is not None)
    assert all(set(entry) == FIELDS for entry in body["entries"])
    return body


def listed(client: ApiClient, **query) -> list[tuple[str, str]]:
    return [(entry["kind"], entry["reference"]) for entry in page(client, **query)["entries"]]


def walk(client: ApiClient, **query) -> list[str]:
    seen, cursor = [], {}
    while True:
        body = page(client, **query, **cursor)
        seen += [entry["id"] for entry in body["entries"]]
        if not body["has_more"]:
            return seen
        cursor = {"cursor": body["next_cursor"]}


def grant(world: World, count: int) -> list[str]:
    """Grant a credit so many times, and return the entries' ids, newest first."""
    for number in range(count):
        ledger.grant(world.alice.org_id, 1, f"grant-{number}", actor="system", note="")
    own = LedgerEntry.objects.filter(account_id=world.alice.org_id)
    return list(own.order_by("-id").values_list("id", flat=True)[:count])


def test_credits_are_what_may_be_spent_and_what_is_held(world: World, alice: ApiClient) -> None:
    assert credits_of(alice) == (100, 0)
    alice.submit_job()
    assert credits_of(alice) == credits_of(ApiClient(world.alice.test_key)) == (99, 1)
    assert credits_of(ApiClient(world.charlie.live_key)) == (100, 0)


def test_credits_that_are_owed_are_negative_and_the_refusal_says_how_many(world: World, alice: ApiClient) -> None:
    ledger.clawback(world.alice.org_id, 103, "re_1", note="Refund")
    assert credits_of(alice) == (-3, 0)
    message = refusal(alice.submit(), 402, "insufficient_credits")["message"]
    assert message.startswith("3 credits are owed. Buy at least 4 credits")


def test_an_entry_says_what_it_was_and_what_for(world: World, alice: ApiClient) -> None:
    job_id = alice.submit_job()
    (held, given) = page(alice)["entries"]
    entry = LedgerEntry.objects.get(kind="hold")
    assert held == {
        "id": entry.id,
        "kind": "hold",
        "available_delta": -1,
        "reserved_delta": 1,
        "reference": job_id,
        "note": "",
        "created_at": timestamp(entry.created_at),
    }
    assert (given["kind"], given["available_delta"], given["note"]) == ("grant", 100, "First credits")


def test_every_change_is_listed_newest_first_and_makes_the_balance(world: World, alice: ApiClient) -> None:
    org_id, failing = world.alice.org_id, alice.submit_job()
    job = jobs.claim(failing)
    assert job is not None
    jobs.fail(job, failure("content_blocked"))
    ledger.purchase(org_id, 500, "pay_1", actor="user:usr_1")
    ledger.clawback(org_id, 500, "re_1", note="Refund of pay_1")
    ledger.reinstate(org_id, 500, "re_1", note="Refund of pay_1 came to nothing")
    assert listed(alice) == [
        ("reinstate", "re_1"),
        ("clawback", "re_1"),
        ("purchase", "pay_1"),
        ("release", failing),
        ("hold", failing),
        ("grant", f"bootstrap:{org_id}"),
    ]
    entries = page(alice)["entries"]
    sums = tuple(sum(entry[name] for entry in entries) for name in ("available_delta", "reserved_delta"))
    assert sums == credits_of(alice) == (600, 0)


def test_a_test_key_reads_the_same_and_another_organisation_nothing_of_it(world: World, alice: ApiClient) -> None:
    alice.submit_job()
    assert page(ApiClient(world.alice.test_key)) == page(alice)
    charlie = ApiClient(world.charlie.live_key)
    assert listed(charlie) == [("grant", f"bootstrap:{world.charlie.org_id}")]
    foreign = page(alice, limit=1)["next_cursor"]
    assert {reference for _, reference in listed(charlie, cursor=foreign)} <= {f"bootstrap:{world.charlie.org_id}"}


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
def test_a_walk_sees_every_entry_once(world: World, alice: ApiClient, limit: int) -> None:
    made = grant(world, 5)
    assert walk(alice, limit=limit)[:5] == made


def test_a_walk_is_not_disturbed_by_what_is_written_meanwhile(world: World, alice: ApiClient) -> None:
    made = grant(world, 4)
    first = page(alice, limit=2)
    alice.submit_job()
    second = page(alice, limit=2, cursor=first["next_cursor"])
    assert [entry["id"] for entry in first["entries"] + second["entries"]] == made


def test_everything_that_is_wrong_with_a_query_is_told_at_once(alice: ApiClient) -> None:
    query = {"limit": "0", "kind": "foo", "cursor": "zz", "created_before": "yesterday"}
    assert set(refusal(alice.get("/v1/ledger", query), 422, "validation_error")["fields"]) == set(query)


def test_a_kind_narrows_the_listing(world: World, alice: ApiClient) -> None:
    job_id = alice.submit_job()
    assert listed(alice, kind="hold") == [("hold", job_id)]
    assert listed(alice, kind="refund") == []
    assert walk(alice, kind="grant", limit=1) == walk(alice, limit=1)[1:]


def test_moments_narrow_the_listing(world: World, alice: ApiClient) -> None:
    (newest,) = grant(world, 1)
    made_at, millisecond = ids.made_at(newest), timedelta(milliseconds=1)
    just_before, just_after = timestamp(made_at - millisecond), timestamp(made_at + millisecond)
    assert ("grant", "grant-0") in listed(alice, created_after=just_before, created_before=just_after)
    assert listed(alice, created_after=timestamp(made_at)) == []
    assert ("grant", "grant-0") not in listed(alice, created_before=timestamp(made_at))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "theft"),
        ("kind", ""),
        ("created_after", "yesterday"),
        ("created_before", "2026-02-30T00:00:00Z"),
        ("limit", "0"),
        ("limit", "101"),
        ("cursor", "nonsense"),
        ("cursor", "am9iXzA2ZWdiMmQ1MDFvdHRhMTkxNWVnajhxMWtz"),
    ],
)
def test_a_query_that_is_none_is_refused(alice: ApiClient, field: str, value: str) -> None:
    refused_field(alice.get("/v1/ledger", {field: value}), field)


@pytest.mark.parametrize("path", ["/v1/credits", "/v1/ledger"])
def test_they_are_read_only_and_need_a_key(alice: ApiClient, path: str) -> None:
    refusal(ApiClient().get(path), 401, "unauthorized")
    refusal(alice.post(path, {}, content_type="application/json"), 405, "method_not_allowed")
    refusal(alice.delete(path), 405, "method_not_allowed")


@pytest.mark.parametrize("count", [1, 60])
@pytest.mark.parametrize("path", ["/v1/credits", "/v1/ledger?limit=100&kind=grant"])
def test_each_takes_two_queries_however_much_there_is(
    world: World, alice: ApiClient, django_assert_max_num_queries, path: str, count: int
) -> None:
    grant(world, count)
    alice.get(path)  # writes down that the key was used
    with django_assert_max_num_queries(2):
        assert alice.get(path).status_code == 200


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="the plans are PostgreSQL's")
@pytest.mark.parametrize("conditions", [{}, {"kind": "purchase"}])
def test_a_page_is_read_from_an_index(world: World, conditions: dict[str, str]) -> None:
    """Nearly all entries are other organisations', and nearly all of one organisation's are of its jobs."""
    alice, charlie = (CreditAccount.objects.get(pk=org_id) for org_id in (world.alice.org_id, world.charlie.org_id))
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            account=alice if number % 100 == 0 else charlie,
            kind="purchase" if number % 19 == 0 else "hold",
            available_delta=1,
            reserved_delta=0,
            reference=str(number),
            actor="system",
        )
        for number in range(8_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE billing_ledgerentry")
    found = LedgerEntry.objects.filter(account_id=alice.pk, **conditions).order_by("-pk")[:21]
    plan = found.explain(analyze=True)
    assert "Seq Scan" not in plan, plan
    assert "Sort" not in plan, plan
    assert "Rows Removed by Filter" not in plan, plan
