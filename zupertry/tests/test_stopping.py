"""How processes stop: within ten seconds, whatever they are in the middle of, and without losing any of it."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from accounts.webhooks import in_flight
from zupertry import stopping
from zupertry.bootstrap import Bootstrapped
from zupertry.core.slots import Slots
from zupertry.one_process import Background
from zupertry.testing.broker import Woken, drain
from zupertry.testing.inside import Inside
from zupertry.testing.live import Live, live_service, on_several_processes, until
from zupertry.testing.receiver import Received, WebhookReceiver

LIMIT_SECONDS = 10.0
SECONDS_BELOW_A_LEASE = 15.0


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Leases last longer than any of these tests: nobody has to wait for one to end."""
    with live_service(tmp_path_factory.mktemp("stopping"), JOB_LEASE_SECONDS="300") as running:
        yield running


@pytest.fixture(scope="module")
def alice(live: Live, inside: Inside) -> Bootstrapped:
    return inside.bootstrap(live.service)


def seconds_to_stop(live: Live, name: str) -> float:
    started = time.monotonic()
    live.service.stop(name)
    return time.monotonic() - started


def wait_for_end(live: Live, alice: Bootstrapped, job_id: str) -> threading.Thread:
    """Be a caller that hangs in `?wait=30`, until the server lets go of it."""

    def call() -> None:
        try:
            live.service.call("GET", f"/v1/jobs/{job_id}?wait=30", alice.live_key)
        except (OSError, ValueError):
            return

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def hanging_once() -> Iterator[WebhookReceiver]:
    """An endpoint that leaves the first webhook without an answer for as long as the test lasts."""
    first, over = threading.Lock(), threading.Event()

    def respond(_received: Received) -> int:
        if first.acquire(blocking=False):
            over.wait()
        return 204

    with WebhookReceiver(respond) as receiver:
        yield receiver
        over.set()


def test_short_jobs_finish_and_long_ones_are_handed_to_another_worker_as_webhooks_are(
    live: Live, alice: Bootstrapped, hanging_once: WebhookReceiver
) -> None:
    live.vertex.behave("slow:2", "slow:40")
    before = live.vertex.calls
    ids = live.submit(alice.live_key, 2)
    (told,) = live.submit(alice.test_key, webhook_url=hanging_once.url())
    until(lambda: live.vertex.calls - before == 2 and hanging_once.in_flight)
    callers = [wait_for_end(live, alice, job_id) for job_id in ids]
    assert seconds_to_stop(live, live.worker) < LIMIT_SECONDS

    live.restart_worker()
    assert hanging_once.wait_for(1, SECONDS_BELOW_A_LEASE)[0].json["data"]["job_id"] == told
    ended = live.ended(alice.live_key, ids, 30)
    assert [(job["status"], job["credits_consumed"]) for job in ended] == [("completed", 1)] * 2
    assert live.vertex.calls - before == 3, "the long one was made again, the short one was not"
    assert live.credits_of(alice)[1] == 0
    for caller in callers:
        caller.join(35)
        assert not caller.is_alive()


@pytest.mark.parametrize("pause", [0.0, 0.02])
def test_a_job_that_comes_as_its_worker_stops_is_not_lost(live: Live, alice: Bootstrapped, pause: float) -> None:
    """It may be pending, claimed or downloading its pictures at that moment."""
    ids = live.submit(alice.live_key, 3)
    time.sleep(pause)
    assert seconds_to_stop(live, live.worker) < LIMIT_SECONDS
    live.restart_worker()
    assert {job["status"] for job in live.ended(alice.live_key, ids, 30)} == {"completed"}


@pytest.mark.skipif(on_several_processes(), reason="the web is apart, and makes no difference")
def test_a_long_job_is_handed_back_while_the_web_is_idle(live: Live, alice: Bootstrapped) -> None:
    live.vertex.behave("slow:40")
    before = live.vertex.calls
    ids = live.submit(alice.live_key)
    until(lambda: live.vertex.calls > before)
    assert seconds_to_stop(live, live.worker) < LIMIT_SECONDS
    live.restart_worker()
    assert live.ended(alice.live_key, ids, 30)[0]["status"] == "completed"


@pytest.mark.skipif(not on_several_processes(), reason="the web is part of the one process")
def test_the_web_stops_while_callers_hang(live: Live, alice: Bootstrapped) -> None:
    live.vertex.behave("slow:30")
    (job_id,) = live.submit(alice.live_key)
    callers = [wait_for_end(live, alice, job_id) for _ in range(4)]
    time.sleep(0.5)
    assert seconds_to_stop(live, "web") < LIMIT_SECONDS
    for caller in callers:
        caller.join(5)
        assert not caller.is_alive()
    live.service.start("web")
    live.service.wait_until_ready()


@pytest.mark.skipif(not on_several_processes(), reason="the beat is part of the one process")
def test_the_beat_stops(live: Live) -> None:
    assert seconds_to_stop(live, "beat") < LIMIT_SECONDS


@pytest.mark.skipif(not on_several_processes(), reason="the beat is part of the one process")
def test_the_beat_stops_in_the_middle_of_a_query(live: Live) -> None:
    """What it asked then fails; beat must not take that for the failure of a task, and go on."""
    live.service.start("beat")
    url = live.service.environment["DATABASE_URL"]
    with psycopg.connect(url) as locking, psycopg.connect(url, autocommit=True) as looking:
        locking.execute("LOCK TABLE django_celery_beat_periodictasks IN ACCESS EXCLUSIVE MODE")
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        until(lambda: looking.execute(waiting).fetchone())
        os.killpg(live.service.processes["beat"].pid, signal.SIGTERM)
        locking.rollback()
        assert live.service.processes.pop("beat").wait(LIMIT_SECONDS) == 0


def test_a_signal_that_comes_while_another_is_answered_begins_nothing_again():
    class Stopping:
        """Starts as slowly as can be: the next signal comes meanwhile."""

        started = 0

        def start(self) -> None:
            self.started += 1
            background._begin_to_stop()

    background: Any = object.__new__(Background)
    background._told_to_stop, background._stopping = threading.Lock(), Stopping()
    background._begin_to_stop()
    background._begin_to_stop()
    assert background._stopping.started == 1


@pytest.mark.django_db(transaction=True)
def test_webhooks_that_waited_for_room_are_woken_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = Slots()
    monkeypatch.setattr(stopping, "slots", Slots())
    monkeypatch.setattr(in_flight, "slots", deliveries)
    for delivery_id in ("evd_1", "evd_2"):
        deliveries.take("webhooks", 1, delivery_id)
    drain()
    assert stopping.finish_or_hand_back(0)
    assert drain() == [Woken("accounts.deliver", "evd_2")]
    assert not deliveries.take("webhooks", 9, "evd_3")
