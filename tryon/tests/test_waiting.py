"""`GET /v1/jobs/{job_id}?wait=`: answers when the job ends, for a few callers at a time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.db import connection, connections

from tryon import jobs
from tryon.api.waiting import MAX_WAITERS, MAX_WAITERS_PER_ORGANISATION, Waiters, waiters
from zupertry.testing.api import ApiClient, refusal, refused_field

transactional = pytest.mark.django_db(transaction=True)


@contextmanager
def in_thread(act: Callable[[], Any], after: float = 0.0) -> Iterator[None]:
    """Do something on another thread, with a database connection of its own, while the block runs."""

    def run() -> None:
        time.sleep(after)
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join(30)


@pytest.fixture
def alice(world):
    return ApiClient(world.alice.test_key)


@pytest.fixture
def crowd() -> Iterator[Callable[[str, int], None]]:
    """Let so many others wait already."""
    with ExitStack() as stack:

        def wait(organisation_id: str, count: int) -> None:
            for _ in range(count):
                assert stack.enter_context(waiters.admit(organisation_id))

        yield wait


def timed(client: ApiClient, path: str) -> tuple[dict, float]:
    started = time.monotonic()
    response = client.get(path)
    assert response.status_code == 200, response.content
    return response.json(), time.monotonic() - started


@pytest.mark.parametrize("wait", ["-1", "31", "abc", "", "1.5", "1e1", "9" * 30, "NaN"])
def test_a_wait_is_between_0_and_30_seconds(alice, wait):
    job_id = alice.submit_job()
    refused_field(alice.get(f"/v1/jobs/{job_id}?wait={wait}"), "wait")


@transactional
@pytest.mark.parametrize("query", ["", "?wait=0"])
def test_without_a_wait_the_answer_comes_at_once(alice, query):
    job, seconds = timed(alice, f"/v1/jobs/{alice.submit_job()}{query}")
    assert job["status"] == "pending"
    assert seconds < 0.9


@transactional
def test_a_job_that_has_ended_is_answered_at_once(alice):
    job_id = alice.submit_job()
    alice.delete(f"/v1/jobs/{job_id}")
    job, seconds = timed(alice, f"/v1/jobs/{job_id}?wait=30")
    assert job["status"] == "cancelled"
    assert seconds < 2


@transactional
def test_the_answer_comes_as_soon_as_the_job_ends(world, alice):
    job_id = alice.submit_job()

    def cancel() -> None:
        assert ApiClient(world.alice.test_key).delete(f"/v1/jobs/{job_id}").status_code == 200

    with in_thread(cancel, after=0.4):
        job, seconds = timed(alice, f"/v1/jobs/{job_id}?wait=30")
    assert job["status"] == "cancelled"
    assert 0.4 <= seconds < 5


@transactional
def test_after_the_seconds_the_answer_is_what_the_job_is_then(alice):
    job_id = alice.submit_job()
    with in_thread(lambda: jobs.claim(job_id), after=0.1):
        job, seconds = timed(alice, f"/v1/jobs/{job_id}?wait=1")
    assert job["status"] == "processing"
    assert 1 <= seconds < 4


def test_a_foreign_or_unknown_job_is_not_waited_for(world, alice):
    charlie = ApiClient(world.charlie.test_key)
    started = time.monotonic()
    refusal(charlie.get(f"/v1/jobs/{alice.submit_job()}?wait=30"), 403, "forbidden")
    refusal(charlie.get("/v1/jobs/job_unknown?wait=30"), 404, "job_not_found")
    assert time.monotonic() - started < 5


@transactional
def test_a_fifth_waiter_of_an_organisation_is_answered_at_once(world, alice, crowd):
    crowd(world.alice.org_id, MAX_WAITERS_PER_ORGANISATION)
    job, seconds = timed(alice, f"/v1/jobs/{alice.submit_job()}?wait=30")
    assert job["status"] == "pending"
    assert seconds < 5


@transactional
def test_a_seventeenth_waiter_of_the_process_is_answered_at_once(alice, crowd):
    for number in range(4):
        crowd(f"organisation {number}", 4)
    job, seconds = timed(alice, f"/v1/jobs/{alice.submit_job()}?wait=30")
    assert job["status"] == "pending"
    assert seconds < 5


def test_there_are_16_places_in_a_process_and_4_for_an_organisation():
    assert (MAX_WAITERS, MAX_WAITERS_PER_ORGANISATION) == (16, 4)
    places = Waiters()
    with ExitStack() as stack:
        admitted = [stack.enter_context(places.admit("a")) for _ in range(5)]
        assert admitted == [True] * 4 + [False]
        others = [stack.enter_context(places.admit(f"{number // 4}")) for number in range(13)]
        assert others == [True] * 12 + [False]
    with places.admit("a") as again:
        assert again, "who leaves makes room"


def test_a_waiter_that_fails_makes_room():
    places = Waiters()

    def fail() -> None:
        with places.admit("a") as admitted:
            assert admitted
            raise OSError

    for _ in range(10):
        with pytest.raises(OSError):  # noqa: PT011
            fail()


@transactional
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL's connections are few")
def test_the_connection_is_given_back_between_polls(world, alice):
    job_id = alice.submit_job()
    pool = getattr(connection, "pool")  # noqa: B009  (the stubs know no backend's own)
    connection.close()
    in_use = []
    with in_thread(lambda: ApiClient(world.alice.test_key).get(f"/v1/jobs/{job_id}?wait=2")):
        for _ in range(100):
            time.sleep(0.02)
            stats = pool.get_stats()
            in_use.append(stats["pool_size"] - stats["pool_available"])
    assert in_use.count(0) >= 80, in_use
