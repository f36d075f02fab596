import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import Celery
from celery.app import app_or_default
from django.db import transaction

from zupertry.core import wake as wake_module
from zupertry.core.wake import wake
from zupertry.testing.broker import Woken, drain
from zupertry.testing.live import Live, live_service, on_several_processes
from zupertry.testing.servers import ValkeyServer

JOB = "job_1"
RUN = Woken("tryon.run", JOB)
PATIENCE = 10.0


@pytest.fixture(autouse=True)
def _breaker_is_reset() -> Iterator[None]:
    wake_module._breaker.reset()
    yield
    wake_module._breaker.reset()


@contextmanager
def broker_at(port: int) -> Iterator[None]:
    """Publish to a Redis on this port of the loopback address."""
    usual = app_or_default()
    app = Celery("elsewhere", broker=f"redis://127.0.0.1:{port}/0")
    options = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0}
    app.conf.update(broker_transport_options=options, task_queues=usual.conf.task_queues)
    app.set_current()
    try:
        yield
    finally:
        usual.set_current()


@contextmanager
def listener(*, answers: bool) -> Iterator[int]:
    """A port where nobody listens, or where somebody accepts and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if answers:
            server.listen()
        yield server.getsockname()[1]


@pytest.mark.django_db(transaction=True)
def test_a_wake_is_published_when_the_transaction_commits() -> None:
    drain()
    with transaction.atomic():
        wake("tryon.run", JOB)
        assert drain() == []
    assert drain() == [RUN]


@pytest.mark.django_db(transaction=True)
def test_a_rollback_takes_its_wakes_along() -> None:
    drain()
    with transaction.atomic():
        wake("tryon.run", JOB)
        transaction.set_rollback(True)
    assert drain() == []


@pytest.mark.django_db(transaction=True)
def test_a_delayed_wake_says_when() -> None:
    drain()
    wake("accounts.deliver", "whd_1", delay=5)
    assert drain() == [Woken("accounts.deliver", "whd_1", delayed=True)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("hangs", [False, True], ids=["nobody there", "hanging"])
def test_a_broker_that_is_down_neither_raises_nor_holds_up_the_caller(hangs: bool) -> None:
    drain()
    with listener(answers=hangs) as port, broker_at(port):
        started = time.monotonic()
        with transaction.atomic():
            wake("tryon.run", JOB)
        assert time.monotonic() - started < PATIENCE
    wake("tryon.run", JOB)
    assert drain() == [], "the breaker is open: nobody waits for the broker again at once"
    wake_module._breaker.reset()
    wake("tryon.run", JOB)
    assert drain() == [RUN]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("wake")) as running:
        yield running


def frozen(broker: ValkeyServer) -> None:
    os.kill(int((broker.directory / "server.pid").read_text()), signal.SIGSTOP)


def thawed(broker: ValkeyServer) -> None:
    os.kill(int((broker.directory / "server.pid").read_text()), signal.SIGCONT)


@pytest.mark.skipif(not on_several_processes(), reason="one process has its broker inside")
@pytest.mark.parametrize(
    ("take_away", "bring_back"),
    [(ValkeyServer.stop, ValkeyServer.start), (frozen, thawed)],
    ids=["stopped", "frozen"],
)
def test_while_the_broker_is_away_submits_are_accepted_and_the_sweep_finds_them(
    live: Live, take_away: Callable[[ValkeyServer], Any], bring_back: Callable[[ValkeyServer], Any]
) -> None:
    assert live.broker is not None
    alice = live.service.bootstrap(name="Broker")
    live.ended(alice.live_key, live.submit(alice.live_key, 2))
    take_away(live.broker)
    try:
        started = time.monotonic()
        ids = live.submit(alice.live_key, 5)
        assert time.monotonic() - started < PATIENCE
    finally:
        bring_back(live.broker)
    assert {job["status"] for job in live.ended(alice.live_key, ids)} == {"completed"}
    assert live.credits_of(alice) == (93, 0)
