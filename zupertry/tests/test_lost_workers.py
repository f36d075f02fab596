"""Workers killed, brokers emptied or away in the middle of the work: every job ends, once, and everybody is told."""

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from zupertry.bootstrap import Bootstrapped
from zupertry.testing.inside import Inside
from zupertry.testing.live import Live, live_service, on_several_processes, until
from zupertry.testing.receiver import WebhookReceiver
from zupertry.testing.servers import ValkeyServer

JOBS = 50
PATIENCE_SECONDS = 10.0


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("lost"), JOB_LEASE_SECONDS="3") as running:
        yield running


@pytest.fixture(scope="module")
def alice(live: Live, inside: Inside) -> Bootstrapped:
    return inside.bootstrap(live.service, credits_=1_000)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


def submit_and_let_some_begin(live: Live, alice: Bootstrapped, receiver: WebhookReceiver) -> list[str]:
    """Submit 50 jobs, and return their ids once ten are in their engine."""
    live.vertex.behave(*["slow:0.5"] * JOBS)
    before = live.vertex.calls
    ids = live.submit(alice.live_key, JOBS, webhook_url=receiver.url())
    until(lambda: live.vertex.calls - before >= 10)
    return ids


def assert_each_ended_once(
    live: Live, inside: Inside, alice: Bootstrapped, receiver: WebhookReceiver, ids: list[str]
) -> None:
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
    live.delivered(alice.live_key, ids)
    assert inside.differences(live.service) == []


def test_a_worker_killed_in_the_middle_of_50_jobs(
    live: Live, inside: Inside, alice: Bootstrapped, receiver: WebhookReceiver
) -> None:
    calls, (credits_, _) = live.vertex.calls, live.credits_of(alice)
    ids = submit_and_let_some_begin(live, alice, receiver)
    live.service.kill(live.worker)
    assert len(receiver.received) < JOBS, "it was killed too late"
    live.restart_worker()
    assert_each_ended_once(live, inside, alice, receiver, ids)
    assert live.credits_of(alice) == (credits_ - JOBS, 0)
    assert JOBS < live.vertex.calls - calls <= JOBS + 32, "those in flight are made once more, and no others"


@pytest.mark.skipif(not on_several_processes(), reason="one process has its broker inside, and both end together")
def test_the_broker_emptied_in_the_middle_of_50_jobs(
    live: Live, inside: Inside, alice: Bootstrapped, receiver: WebhookReceiver
) -> None:
    calls, (credits_, _) = live.vertex.calls, live.credits_of(alice)
    ids = submit_and_let_some_begin(live, alice, receiver)
    live.empty_broker()
    assert len(receiver.received) < JOBS, "it was emptied too late"
    assert_each_ended_once(live, inside, alice, receiver, ids)
    assert live.credits_of(alice) == (credits_ - JOBS, 0)
    assert live.vertex.calls - calls == JOBS, "nobody lost a lease, so nothing is made twice"


def frozen(broker: ValkeyServer) -> None:
    os.kill(int((broker.directory / "server.pid").read_text()), signal.SIGSTOP)


def thawed(broker: ValkeyServer) -> None:
    os.kill(int((broker.directory / "server.pid").read_text()), signal.SIGCONT)


def full(broker: ValkeyServer) -> None:
    """Leave no room for anything, also not for whoever connects anew, which everybody has to."""
    with redis.Redis.from_url(broker.url) as client:
        client.config_set("maxmemory", "1")
        client.client_kill_filter(_type="normal", skipme=True)


def freed(broker: ValkeyServer) -> None:
    with redis.Redis.from_url(broker.url) as client:
        client.config_set("maxmemory", "0")


@pytest.mark.slow
@pytest.mark.skipif(not on_several_processes(), reason="one process has its broker inside")
@pytest.mark.parametrize(
    ("take_away", "bring_back"),
    [(ValkeyServer.stop, ValkeyServer.start), (frozen, thawed), (full, freed)],
    ids=["stopped", "frozen", "full"],
)
def test_while_the_broker_is_away_submits_are_accepted_and_the_sweep_finds_them(
    live: Live, alice: Bootstrapped, take_away: Callable[[ValkeyServer], Any], bring_back: Callable[[ValkeyServer], Any]
) -> None:
    """The worker that had jobs in its hands goes on, and finishes them."""
    assert live.broker is not None
    (credits_, _), calls = live.credits_of(alice), live.vertex.calls
    live.vertex.behave("slow:1", "slow:1")
    ids = live.submit(alice.live_key, 2)
    until(lambda: live.vertex.calls - calls == 2)
    take_away(live.broker)
    try:
        started = time.monotonic()
        ids += live.submit(alice.live_key, 5)
        assert time.monotonic() - started < PATIENCE_SECONDS
    finally:
        bring_back(live.broker)
    assert {job["status"] for job in live.ended(alice.live_key, ids)} == {"completed"}
    assert live.credits_of(alice) == (credits_ - 7, 0)
    assert live.service.processes[live.worker].poll() is None


def engine_calls_in_flight(live: Live, alice: Bootstrapped, jobs: int, together: int) -> int:
    """Run this many jobs, none of which ends before so many are in their engine, and return how many came together."""
    live.vertex.peak_in_flight = 0
    live.vertex.behave(*[f"gate:{together}"] * jobs)
    ended = live.ended(alice.live_key, live.submit(alice.live_key, jobs))
    assert {job["status"] for job in ended} == {"completed"}
    return live.vertex.peak_in_flight


@pytest.mark.slow
def test_one_worker_process_holds_32_engine_calls_in_flight(live: Live, alice: Bootstrapped) -> None:
    assert engine_calls_in_flight(live, alice, 34, 32) == 32


@pytest.mark.slow
@pytest.mark.skipif(not on_several_processes(), reason="a laptop's process has no pool of connections to share")
def test_one_worker_process_holds_100_when_told_to(live: Live, alice: Bootstrapped) -> None:
    """With a pool of 16 database connections."""
    live.service.stop(live.worker)
    live.restart_worker(WORKER_CONCURRENCY="100")
    assert engine_calls_in_flight(live, alice, 102, 100) == 100
