import time

import pytest
from django.db import transaction

from zupertry.core import wake as wake_module
from zupertry.core.breaker import Breaker
from zupertry.core.wake import wake
from zupertry.testing.broker import Woken, broker_at, drain, listener

JOB = "job_1"
RUN = Woken("tryon.run", JOB)
PATIENCE = 10.0


@pytest.fixture(autouse=True)
def _breaker_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake_module, "_breaker", Breaker("broker"))


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
def test_a_broker_that_is_down_neither_raises_nor_holds_up_the_caller(hangs: bool, monkeypatch) -> None:
    drain()
    with listener(answers=hangs) as port, broker_at(port):
        started = time.monotonic()
        with transaction.atomic():
            wake("tryon.run", JOB)
        assert time.monotonic() - started < PATIENCE
    wake("tryon.run", JOB)
    assert drain() == [], "the breaker is open: nobody waits for the broker again at once"
    monkeypatch.setattr(wake_module._breaker, "_closed_until", 0.0)
    wake("tryon.run", JOB)
    assert drain() == [RUN]
