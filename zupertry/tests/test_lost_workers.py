"""Workers killed and brokers emptied in the middle of the work: every job ends, once, and everybody is told."""

import json
from collections import defaultdict
from collections.abc import Iterator

import pytest

from zupertry.bootstrap import Bootstrapped
from zupertry.testing.live import Live, live_service, on_several_processes, until
from zupertry.testing.receiver import WebhookReceiver

JOBS = 50


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("lost"), JOB_LEASE_SECONDS="3") as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


def assert_each_ended_once(live: Live, alice: Bootstrapped, receiver: WebhookReceiver, ids: list[str]) -> None:
    """Look from outside: the API, the books, and what the customer's endpoint was told."""
    ended = live.ended(alice.live_key, ids)
    assert {(job["status"], job["credits_consumed"]) for job in ended} == {("completed", 1)}
    events: dict[str, set[str]] = defaultdict(set)

    def everybody_was_told() -> bool:
        for webhook in list(receiver.received):
            assert webhook.json["type"] == "job.completed"
            events[webhook.json["data"]["job_id"]].add(webhook.headers["webhook-id"])
        return set(events) == set(ids)

    until(everybody_was_told, 60)
    assert {len(of_one_job) for of_one_job in events.values()} == {1}
    until(lambda: all(live.job(alice.live_key, id_)["webhook_status"] == "delivered" for id_ in ids), 60)
    assert live.credits_of(alice) == (1_000 - len(ids), 0)
    assert json.loads(live.service.manage("check_ledger", "--json"))["differences"] == []


def test_a_worker_killed_in_the_middle_of_50_jobs(live: Live, receiver: WebhookReceiver) -> None:
    alice = live.service.bootstrap(credits_=1_000, name="Killed")
    live.vertex.behave(*["slow:0.5"] * JOBS)
    before = live.vertex.calls
    ids = live.submit(alice.live_key, JOBS, webhook_url=receiver.url())
    until(lambda: live.vertex.calls - before >= 10)
    live.service.kill(live.worker)
    assert len(receiver.received) < JOBS, "it was killed too late"
    live.restart_worker()
    assert_each_ended_once(live, alice, receiver, ids)
    assert JOBS < live.vertex.calls - before <= JOBS + 32, "those in flight are made once more, and no others"


@pytest.mark.skipif(not on_several_processes(), reason="one process has its broker inside, and both end together")
def test_the_broker_emptied_in_the_middle_of_50_jobs(live: Live, receiver: WebhookReceiver) -> None:
    alice = live.service.bootstrap(credits_=1_000, name="Emptied")
    live.vertex.behave(*["slow:0.5"] * JOBS)
    before = live.vertex.calls
    ids = live.submit(alice.live_key, JOBS, webhook_url=receiver.url())
    until(lambda: live.vertex.calls - before >= 10)
    live.empty_broker()
    assert len(receiver.received) < JOBS, "it was emptied too late"
    assert_each_ended_once(live, alice, receiver, ids)
    assert live.vertex.calls - before == JOBS, "nobody lost a lease, so nothing is made twice"


def engine_calls_in_flight(live: Live, alice: Bootstrapped, jobs: int, together: int) -> int:
    """Run this many jobs, none of which ends before so many are in their engine, and return how many came together."""
    live.vertex.peak_in_flight = 0
    live.vertex.behave(*[f"gate:{together}"] * jobs)
    ended = live.ended(alice.live_key, live.submit(alice.live_key, jobs))
    assert {job["status"] for job in ended} == {"completed"}
    return live.vertex.peak_in_flight


def test_one_worker_process_holds_32_engine_calls_in_flight_and_100_when_told_to(live: Live) -> None:
    """With a pool of 16 database connections, where there is one."""
    alice = live.service.bootstrap(credits_=1_000, name="Busy")
    assert engine_calls_in_flight(live, alice, 40, 32) == 32
    live.service.stop(live.worker)
    live.restart_worker(WORKER_CONCURRENCY="100")
    assert engine_calls_in_flight(live, alice, 110, 100) == 100
