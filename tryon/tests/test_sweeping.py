import threading
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db.models import F
from django.utils import timezone

from accounts import organisations
from accounts.models import Mode
from tryon import jobs, retention, sweeping
from tryon.failures import failure
from tryon.models import Job
from tryon.tests.conftest import Media
from zupertry.core import ids, storage
from zupertry.testing.broker import Woken, drain
from zupertry.testing.jobs import GARMENT, PERSON, claimed, submitted
from zupertry.testing.threads import at_once, in_thread
from zupertry.testing.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("media", "empty_broker")]

LONG_AGO = timedelta(days=60)


def ran(job: Job) -> Woken:
    return Woken("tryon.run", job.id)


def test_submitting_wakes_a_worker(world: World) -> None:
    job = submitted(world.organisation)
    assert drain() == [ran(job)]


def test_pending_jobs_that_nobody_woke_are_woken_once_an_interval(world: World) -> None:
    lost, fresh = submitted(world.organisation), submitted(world.organisation)
    drain()
    Job.objects.filter(id=lost.id).update(woken_at=F("woken_at") - timedelta(minutes=1))
    assert sweeping.wake_pending() == 1
    assert drain() == [ran(lost)]
    assert sweeping.wake_pending() == 0
    assert fresh.status == "pending"


def test_jobs_whose_lease_is_over_are_woken(world: World) -> None:
    abandoned, held = claimed(world.organisation), claimed(world.organisation)
    Job.objects.filter(id=abandoned.id).update(lease_expires_at=timezone.now())
    drain()
    assert sweeping.wake_abandoned() == 1
    assert drain() == [ran(abandoned)]
    assert held.attempt == 1


def test_jobs_of_a_suspended_organisation_sleep_until_it_is_restored(world: World) -> None:
    for job in (submitted(world.organisation), claimed(world.organisation)):
        Job.objects.filter(id=job.id).update(woken_at=timezone.now() - LONG_AGO)
    Job.objects.filter(status="processing").update(lease_expires_at=timezone.now() - LONG_AGO)
    organisations.suspend(world.organisation, actor="staff:1", reason="")
    assert (sweeping.wake_pending(), sweeping.wake_abandoned()) == (0, 0)
    assert sorted(Job.objects.values_list("status", flat=True)) == ["pending", "processing"]
    organisations.restore(world.organisation, actor="staff:1", reason="")
    assert (sweeping.wake_pending(), sweeping.wake_abandoned()) == (1, 1)


def with_pictures(job: Job) -> Job:
    """Store the job's three pictures."""
    names = {field: storage.new_name("image/jpeg") for field in ("person_name", "garment_name", "output_name")}
    jobs.note(job, **names)
    for name in names.values():
        storage.write(name, b"a picture")
    return job


def completed_with_pictures(world: World) -> Job:
    job = with_pictures(claimed(world.organisation))
    jobs.complete(job, engine_request_id="")
    return job


def age(*fields: str) -> None:
    Job.objects.update(**{field: timezone.now() - timedelta(seconds=1) for field in fields})


def test_pictures_stay_until_their_time_is_over(world: World, media: Media) -> None:
    job = completed_with_pictures(world)
    assert retention.delete_expired_pictures() == 0
    assert len(media.names) == 3
    assert job.output_expires_at is not None


def test_inputs_go_first_and_the_output_later(world: World, media: Media) -> None:
    job = completed_with_pictures(world)
    age("inputs_expire_at")
    assert retention.delete_expired_pictures() == 1
    assert media.names == {job.output_name}
    kept = Job.objects.get(id=job.id)
    assert (kept.person_name, kept.garment_name, kept.pictures_deleted_at) == ("", "", None)

    age("output_expires_at")
    assert retention.delete_expired_pictures() == 1
    assert media.names == set()
    gone = Job.objects.get(id=job.id)
    assert gone.output_name == ""
    assert gone.pictures_deleted_at is not None
    assert retention.delete_expired_pictures() == 0
    assert Job.objects.get(id=job.id).pictures_deleted_at == gone.pictures_deleted_at


def test_a_failed_jobs_output_is_not_kept(world: World, media: Media) -> None:
    job = with_pictures(claimed(world.organisation))
    jobs.fail(job, failure("engine_error"))
    assert retention.delete_expired_pictures() == 1
    assert media.names == {job.person_name, job.garment_name}


def test_a_sweep_that_crashed_after_deleting_the_files_is_mended_by_the_next(world: World, media: Media) -> None:
    job = completed_with_pictures(world)
    age("inputs_expire_at", "output_expires_at")
    for name in (job.person_name, job.output_name):
        storage.delete(name)
    retention.delete_expired_pictures()
    assert media.names == set()
    assert Job.objects.get(id=job.id).pictures_deleted_at is not None


def test_a_file_that_cannot_be_deleted_does_not_keep_the_others(world: World, media: Media) -> None:
    stuck, other = completed_with_pictures(world), completed_with_pictures(world)
    age("inputs_expire_at", "output_expires_at")
    storage.delete(stuck.output_name)
    path = media.folder / stuck.output_name
    path.mkdir()
    (path / "in the way").touch()
    retention.delete_expired_pictures()
    assert Job.objects.get(id=stuck.id).pictures_deleted_at is None
    assert Job.objects.get(id=other.id).pictures_deleted_at is not None
    (path / "in the way").unlink()
    retention.delete_expired_pictures()
    assert not default_storage.exists(stuck.output_name)
    assert Job.objects.get(id=stuck.id).pictures_deleted_at is not None


def test_idempotency_keys_are_forgotten_after_a_day(world: World) -> None:
    request = jobs.TryOnRequest(PERSON, GARMENT)

    def submit(key: str) -> jobs.Submission:
        return jobs.submit(world.organisation, Mode.TEST, request, actor="key:1", idempotency_key=key)

    old, young = submit("old").job, submit("young").job
    make_older(old)
    assert sweeping.forget_idempotency_keys() == 1
    assert submit("young").job.id == young.id
    assert not submit("old").replayed


def test_a_key_that_no_sweep_has_forgotten_yet_is_free_after_a_day_too(world: World) -> None:
    request = jobs.TryOnRequest(PERSON, GARMENT)
    make_older(jobs.submit(world.organisation, Mode.TEST, request, actor="key:1", idempotency_key="old").job)
    assert not jobs.submit(world.organisation, Mode.TEST, request, actor="key:1", idempotency_key="old").replayed


def make_older(job: Job) -> None:
    """Let the job have been made 25 hours ago: its id says so as well."""
    moment = timezone.now() - timedelta(hours=25)
    Job.objects.filter(id=job.id).update(id=ids.encode("job", ids.first_at(moment)), created_at=moment)


def test_two_sweeps_at_once_do_no_harm(world: World, media: Media) -> None:
    done = completed_with_pictures(world)
    age("inputs_expire_at", "output_expires_at")
    lost = submitted(world.organisation)
    Job.objects.filter(id=lost.id).update(woken_at=timezone.now() - LONG_AGO)
    drain()
    found = at_once([sweeping.sweep, retention.delete_expired_pictures] * 4)
    assert all(isinstance(each, dict | int) for each in found), found
    assert media.names == set()
    assert Job.objects.get(id=done.id).pictures_deleted_at is not None
    assert set(drain()) == {ran(lost)}
    assert jobs.claim(lost.id) is not None
    assert jobs.claim(lost.id) is None


def test_a_backlog_is_woken_again_ever_more_seldom_but_always_again(world: World) -> None:
    """Its jobs wait for busy workers; a message for each at every sweep would fill the broker."""
    submitted(world.organisation)
    drain()
    for _ in range(120):  # half-minutes
        Job.objects.update(**{name: F(name) - timedelta(seconds=30) for name in ("woken_at", "created_at")})
        sweeping.wake_pending()
    assert len(drain()) in range(25, 35), "every second minute, in the end"


def test_while_storage_hangs_no_second_sweep_waits_for_it(world: World, media: Media, monkeypatch) -> None:
    completed_with_pictures(world)
    age("output_expires_at")
    begun, over = threading.Event(), threading.Event()

    def hang(name: str) -> None:
        begun.set()
        over.wait(10)

    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "delete", hang)
        hanging = in_thread(sweeping.delete_pictures)
        assert begun.wait(10)
        assert sweeping.delete_pictures() == {}
        over.set()
        hanging.join()
    age("inputs_expire_at")
    assert sweeping.delete_pictures()["pictures"] == 1


def test_a_sweep_that_took_too_long_leaves_the_turn_to_who_has_it_now(world: World, media: Media, monkeypatch) -> None:
    completed_with_pictures(world)
    age("output_expires_at")
    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "delete", lambda _: cache.set(sweeping.DELETING, "another's"))
        sweeping.delete_pictures()
    assert cache.get(sweeping.DELETING) == "another's"
