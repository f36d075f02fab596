import threading
from datetime import datetime

import pytest
from django.db import InterfaceError, connection
from django.utils import timezone

from tryon import jobs, leases
from tryon.leases import LeaseKeeper
from tryon.models import Job
from zupertry.testing.jobs import claimed
from zupertry.testing.live import until
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _short_leases(settings) -> None:
    settings.JOB_LEASE_SECONDS = 1


def lease_of(job: Job) -> datetime:
    lease = Job.objects.get(id=job.id).lease_expires_at
    assert lease is not None
    return lease


def test_the_lease_is_renewed_for_as_long_as_the_attempt_lasts(world: World) -> None:
    job = claimed(world.organisation)
    first = lease_of(job)
    keeper = LeaseKeeper()
    with keeper.hold(job):
        until(lambda: lease_of(job) > first)
        renewed = lease_of(job)
        until(lambda: lease_of(job) > renewed)
        assert jobs.claim(job.id) is None
    assert len(keeper) == 0
    until(lambda: lease_of(job) < timezone.now())
    assert jobs.claim(job.id) is not None


def test_a_stuck_attempts_lease_runs_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "ATTEMPT_SECONDS", 0.0)
    stuck = claimed(world.organisation)
    with LeaseKeeper().hold(stuck):
        until(lambda: lease_of(stuck) < timezone.now())
        again = jobs.claim(stuck.id)
        assert again is not None
        assert again.attempt == 2


def test_a_lease_handed_back_is_over_at_once_and_is_not_renewed(world: World, settings) -> None:
    keeper = LeaseKeeper()
    job, ended = claimed(world.organisation), claimed(world.organisation)
    with keeper.hold(job):
        with keeper.hold(ended):
            pass
        assert keeper.hand_back() == [job.id]
        assert lease_of(job) <= timezone.now()
        assert lease_of(ended) > timezone.now()
        keeper._renew()
        settings.JOB_LEASE_SECONDS = 60
        again = jobs.claim(job.id)
        assert again is not None
        assert again.attempt == 2
        assert keeper.hand_back() == []
    assert lease_of(job) > timezone.now(), "the successor's lease is its own"


def test_a_renewal_under_way_does_not_undo_a_hand_back(world: World) -> None:
    """Hand-backs beside a keeper that renews without a pause; each is looked at once a renewal has passed."""
    keeper, job = LeaseKeeper(), claimed(world.organisation)
    stop, renewed = threading.Event(), threading.Semaphore(0)

    def renew() -> None:
        while not stop.is_set():
            keeper._renew()
            renewed.release()
        connection.close()

    renewing = threading.Thread(target=renew)
    renewing.start()
    try:
        for _ in range(100):
            with keeper.hold(job):
                renewed.acquire(timeout=5)
                keeper.hand_back()
                renewed.acquire(timeout=5)
                renewed.acquire(timeout=5)
                assert lease_of(job) <= timezone.now()
    finally:
        stop.set()
        renewing.join()


def test_renewing_leaves_other_attempts_and_ended_jobs_alone(world: World) -> None:
    job, completed = claimed(world.organisation), claimed(world.organisation)
    jobs.complete(completed, engine_request_id="")
    keeper = LeaseKeeper()
    with keeper.hold(job), keeper.hold(completed):
        Job.objects.filter(id=job.id).update(attempt=2, lease_expires_at=None)
        keeper._renew()
    assert Job.objects.filter(lease_expires_at=None).count() == 2


def test_an_attempt_handed_back_is_not_a_lost_one(world: World) -> None:
    """A job may meet any number of workers that are told to stop."""
    job = claimed(world.organisation)
    for _ in range(5):
        keeper = LeaseKeeper()
        with keeper.hold(job):
            keeper.hand_back()
        again = jobs.claim(job.id)
        assert again is not None
        job = again
    assert (job.attempt, job.handed_back) == (6, 5)


def test_the_keeper_survives_whatever_the_database_does(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    job, keeper = claimed(world.organisation), LeaseKeeper()
    broken = threading.Event()

    def renew() -> None:
        broken.set()
        raise InterfaceError("the connection is closed")

    with monkeypatch.context() as patch:
        patch.setattr(keeper, "_renew", renew)
        with keeper.hold(job):
            assert broken.wait(5)
    first = lease_of(job)
    with keeper.hold(job):
        until(lambda: lease_of(job) > first)
