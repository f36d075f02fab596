"""Two beats, a worker without memory, PostgreSQL restarted, the broker away, all under load: nothing is lost.

The API answers 503 in its envelope where it must, goes on where it can, and afterwards every job has ended once.
"""

import json
import resource
import subprocess
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest

from zupertry.bootstrap import Bootstrapped
from zupertry.testing import images
from zupertry.testing.inside import Inside
from zupertry.testing.live import Live, live_service, on_several_processes, until
from zupertry.testing.pictures import content
from zupertry.testing.receiver import WebhookReceiver
from zupertry.testing.servers import PostgresServer
from zupertry.testing.service import Answer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not on_several_processes(), reason="one process has no parts that could go away"),
]

CALLERS = 4
PAUSE_SECONDS = 0.2
AWAY_SECONDS = 2.0
PROCESSES = ("web", "worker", "beat", "beat two")
SIMULATED = "https://test.zupertry.com/success.jpg"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """One of our own, for it will be stopped."""
    with PostgresServer() as running:
        yield running


@pytest.fixture(scope="module")
def live(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    own = {"DATABASE_URL": postgres.url, "JOB_LEASE_SECONDS": "3"}
    with live_service(tmp_path_factory.mktemp("resilience"), **own) as running:
        running.service.start("beat two")
        yield running


@pytest.fixture(scope="module")
def alice(live: Live, inside: Inside) -> Bootstrapped:
    return inside.bootstrap(live.service, credits_=10_000)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


@dataclass
class Load:
    """Callers who submit and read all the while, each submit under its key until it is taken, as the docs advise."""

    live: Live
    alice: Bootstrapped
    hook: str
    jobs: list[str] = field(default_factory=list)
    answers: list[tuple[str, Answer]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def submit_and_read(self, caller: int) -> None:
        """Go on until told to stop; the last submit is taken all the same."""
        number = 0
        while not self._stop.is_set():
            number += 1
            job_id = self._submit(f"{self.hook}-{caller}-{number}")
            self._call("read", "GET", f"/v1/jobs/{job_id}")
            self._call("list", "GET", "/v1/jobs?limit=5")
            time.sleep(PAUSE_SECONDS)

    def _submit(self, key: str) -> str:
        urls = {
            "model_image_url": self.live.pictures.url("/person.jpg"),
            "garment_image_url": self.live.pictures.url("/g.jpg"),
        }
        while (
            answer := self._call(
                "submit", "POST", "/v1/tryon", urls | {"webhook_url": self.hook}, {"Idempotency-Key": key}
            )
        ).status != 202:
            time.sleep(0.2)
        self.jobs.append(answer.body["job_id"])
        return str(answer.body["job_id"])

    def _call(
        self, what: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        answer = self.live.service.call(method, path, self.alice.live_key, body, headers)
        self.answers.append((what, answer))
        return answer

    def statuses(self, what: str) -> set[int]:
        return {answer.status for asked, answer in self.answers if asked == what}

    @contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(CALLERS) as pool:
            callers = [pool.submit(self.submit_and_read, caller) for caller in range(CALLERS)]
            try:
                until(lambda: len(self.jobs) >= CALLERS)
                yield
            finally:
                self._stop.set()
        for caller in callers:
            caller.result()


def assert_nothing_lost(
    live: Live, inside: Inside, alice: Bootstrapped, receiver: WebhookReceiver, ids: list[str], before: int
) -> None:
    """Each job ended well once: charged once, told of once; the books are right, and every process lives."""
    assert len(set(ids)) == len(ids)
    ended = live.ended(alice.live_key, ids)
    assert Counter((job["status"], job["credits_consumed"]) for job in ended) == {("completed", 1): len(ids)}
    live.delivered(alice.live_key, ids)
    events: dict[str, set[str]] = defaultdict(set)
    for webhook in list(receiver.received):
        events[webhook.json["data"]["job_id"]].add(webhook.headers["webhook-id"])
    assert {job_id: len(of_one_job) for job_id, of_one_job in events.items()} == dict.fromkeys(ids, 1)
    assert live.credits_of(alice) == (before - len(ids), 0)
    assert inside.differences(live.service) == []
    assert [name for name in PROCESSES if live.service.processes[name].poll() is not None] == []


def broken_parts(live: Live) -> list[str]:
    """Ask the doctor."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        live.service.manage("doctor", "--json")
    findings = json.loads(caught.value.stdout)["findings"]
    return [finding["part"] for finding in findings if finding["status"] == "broken"]


def test_two_beats_do_each_piece_of_due_work_once(
    live: Live, inside: Inside, alice: Bootstrapped, receiver: WebhookReceiver
) -> None:
    """Only sweeps find this work: what woke it is lost, and each delivery fails once and is due again."""
    assert live.broker is not None
    (before, _), calls = live.credits_of(alice), live.vertex.calls
    refused: set[str] = set()

    def refuse_once(webhook: Any) -> int:
        job_id = webhook.json["data"]["job_id"]
        if job_id in refused:
            return 204
        refused.add(job_id)
        return 500

    receiver.respond = refuse_once
    live.broker.stop()
    ids = live.submit(alice.live_key, 20, webhook_url=receiver.url())
    live.broker.start()
    assert_nothing_lost(live, inside, alice, receiver, ids, before)
    assert live.vertex.calls - calls == len(ids), "each job is run once"
    assert len(receiver.received) == 2 * len(ids), "each delivery is tried as often as it is due"


def test_postgresql_restarted_under_load(
    live: Live, inside: Inside, alice: Bootstrapped, receiver: WebhookReceiver, postgres: PostgresServer
) -> None:
    before, _ = live.credits_of(alice)
    load = Load(live, alice, receiver.url())
    with load.running():
        postgres.stop()
        try:
            time.sleep(AWAY_SECONDS)
            assert live.service.call("GET", "/healthz").status == 200
            assert live.service.call("GET", "/readyz").body["down"] == ["database"]
            assert broken_parts(live) == ["database", "static files"], "which nobody has collected for a test"
        finally:
            postgres.start()
        back = len(load.jobs)
        until(lambda: len(load.jobs) >= back + CALLERS)
    for what in ("submit", "read", "list"):
        assert load.statuses(what) <= {200, 202, 503}
    refused = [answer for _, answer in load.answers if answer.status == 503]
    assert refused
    assert {answer.body["error"]["code"] for answer in refused} == {"service_unavailable"}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    assert_nothing_lost(live, inside, alice, receiver, load.jobs, before)


def test_the_broker_away_under_load(live: Live, inside: Inside, alice: Bootstrapped, receiver: WebhookReceiver) -> None:
    """Reads, submits and test mode go on: nobody who calls notices."""
    assert live.broker is not None
    before, _ = live.credits_of(alice)
    load = Load(live, alice, receiver.url())
    with load.running():
        live.broker.stop()
        gone = len(load.jobs)
        simulated = live.service.call(
            "POST", "/v1/tryon", alice.test_key, {"model_image_url": SIMULATED, "garment_image_url": SIMULATED}
        )
        assert simulated.status == 202
        assert live.service.call("GET", "/readyz").body == {"status": "degraded", "down": [], "degraded": ["broker"]}
        time.sleep(AWAY_SECONDS)
        until(lambda: len(load.jobs) >= gone + CALLERS)
        live.broker.start()
    assert {answer.status for _, answer in load.answers} == {200, 202}
    assert_nothing_lost(live, inside, alice, receiver, load.jobs, before)
    (job,) = live.ended(alice.test_key, [simulated.body["job_id"]])
    assert job["status"] == "completed"
    log = (live.service.var_dir / "worker.log").read_text()
    assert "Trying to re-establish" in log
    assert "mingle" not in log, "a worker that is back works, and does not look for others first"
    assert "Error on restarting" not in log


def test_a_worker_without_memory(live: Live, inside: Inside, alice: Bootstrapped, receiver: WebhookReceiver) -> None:
    """It ends by itself, and its successor does what was left undone; going on, it would fail every job it takes."""
    before, _ = live.credits_of(alice)
    live.pictures.add("/large.jpg", content(images.jpeg(4000, 4000), "image/jpeg"))
    process = live.service.processes["worker"]
    little = psutil.Process(process.pid).memory_info().vms + 2**24
    resource.prlimit(process.pid, resource.RLIMIT_AS, (little, little))
    large = {"model_image_url": live.pictures.url("/large.jpg"), "webhook_url": receiver.url()}
    ids = [answer.body["job_id"] for answer in live.submit_all(alice.live_key, [large] * 6)]
    until(lambda: process.poll() is not None)
    live.restart_worker()
    assert_nothing_lost(live, inside, alice, receiver, ids, before)
