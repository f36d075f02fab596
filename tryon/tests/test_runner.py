import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import Mode
from billing import ledger
from tryon import jobs, runner
from tryon.engines.base import EngineError
from tryon.models import Job
from tryon.tests.conftest import Media, submit_from
from zupertry.core.requests import enter_request
from zupertry.testing import images
from zupertry.testing.engines import GatedEngine
from zupertry.testing.pictures import PictureServer, content, status
from zupertry.testing.threads import in_thread
from zupertry.testing.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("media")]
PASSING = EngineError("engine_unavailable", "Try again.", permanent=False)
SUCCESS = "https://test.zupertry.com/success.jpg"
FINAL = EngineError("content_blocked", "Refused.", permanent=True, detail="support code 1")


@pytest.fixture(autouse=True)
def _quick_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "BACKOFF_SECONDS", 0.01)


def run(job: Job) -> Job:
    runner.run(job.id)
    return Job.objects.get(id=job.id)


def logged(record: logging.LogRecord) -> dict[str, Any]:
    """Return what one of our own lines says."""
    return record.msg if isinstance(record.msg, dict) else {}


def expire_lease(job: Job) -> None:
    Job.objects.filter(id=job.id).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def test_a_job_ends_with_its_picture_in_storage(
    world: World, engine: GatedEngine, pictures: PictureServer, media: Media
) -> None:
    job = run(submit_from(pictures, world.organisation))
    assert (job.status, job.attempt, job.credits_consumed) == ("completed", 1, 1)
    assert media.names == {job.person_name, job.garment_name, job.output_name}
    assert default_storage.open(job.output_name).read().startswith(b"\xff\xd8")
    assert job.duration_ms is not None


def test_no_database_connection_is_held_while_the_engine_works(
    world: World, engine: GatedEngine, pictures: PictureServer
) -> None:
    run(submit_from(pictures, world.organisation))
    assert (len(engine.timeouts), engine.connections_held) == (1, 0)


def test_a_failure_that_may_pass_is_tried_again(world: World, engine: GatedEngine, pictures: PictureServer) -> None:
    engine.failures.extend([PASSING] * 3)
    assert run(submit_from(pictures, world.organisation)).status == "completed"
    assert len(engine.timeouts) == 4


def test_after_four_tries_the_job_fails(world: World, engine: GatedEngine, pictures: PictureServer) -> None:
    engine.failures.extend([PASSING] * 5)
    job = run(submit_from(pictures, world.organisation))
    assert (job.status, job.error_code, len(engine.timeouts)) == ("failed", "engine_unavailable", 4)
    assert ledger.balance(world.alice.org_id).available == 100


def test_the_tries_share_one_budget(
    world: World, engine: GatedEngine, pictures: PictureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another pause and a second of work would not fit, so the first failure is the last."""
    monkeypatch.setattr(runner, "ENGINE_BUDGET_SECONDS", 1.0)
    engine.failures.extend([PASSING] * 5)
    assert run(submit_from(pictures, world.organisation)).status == "failed"
    assert len(engine.timeouts) == 1
    assert engine.timeouts[0] <= 1.0


def test_a_final_failure_is_not_tried_again(world: World, engine: GatedEngine, pictures: PictureServer) -> None:
    engine.failures.append(FINAL)
    job = run(submit_from(pictures, world.organisation))
    assert (job.error_code, job.error_detail, len(engine.timeouts)) == ("content_blocked", "support code 1", 1)


def test_a_picture_that_cannot_be_had_fails_the_job_before_any_engine(
    world: World, engine: GatedEngine, pictures: PictureServer, media: Media
) -> None:
    gone = pictures.add("/gone.jpg", status(404))
    job = run(submit_from(pictures, world.organisation, garment_image_url=gone))
    assert (job.status, job.error_code, job.credits_consumed) == ("failed", "image_unreachable", 0)
    assert "garment" in job.error_message
    assert (engine.timeouts, media.names) == ([], set())


def test_when_both_pictures_fail_the_models_decides(world: World, pictures: PictureServer) -> None:
    text = pictures.add("/text.jpg", content(b"no picture", "image/jpeg"))
    gone = pictures.add("/gone.jpg", status(404))
    job = run(submit_from(pictures, world.organisation, Mode.TEST, model_image_url=text, garment_image_url=gone))
    assert job.error_code == "image_type_unsupported"


def test_what_nobody_foresaw_is_tried_again_when_the_lease_is_over(
    world: World, engine: GatedEngine, pictures: PictureServer, media: Media
) -> None:
    engine.failures.append(ZeroDivisionError())
    job = run(submit_from(pictures, world.organisation))
    assert job.status == "processing"
    assert ledger.balance(world.alice.org_id).reserved == 1
    first_inputs = {job.person_name, job.garment_name}
    assert media.names == first_inputs
    assert run(job).attempt == 1, "nobody takes it while the lease lasts"

    expire_lease(job)
    job = run(job)
    assert (job.status, job.attempt) == ("completed", 2)
    assert media.names == {job.person_name, job.garment_name, job.output_name}
    assert not first_inputs & media.names


def test_what_nobody_foresaw_is_logged_once_with_its_traceback_under_the_request_that_submitted_the_job(
    world: World, engine: GatedEngine, pictures: PictureServer, caplog: pytest.LogCaptureFixture
) -> None:
    enter_request("the-submitters")
    job = submit_from(pictures, world.organisation)
    enter_request("the-sweeps")
    engine.failures.append(ZeroDivisionError())
    run(job)
    (record,) = (record for record in caplog.records if "exc_info" in logged(record))
    assert logged(record).items() >= {"event": "attempt_crashed", "job": job.id, "request_id": "the-submitters"}.items()


def test_each_job_is_logged_under_its_own_request_whoever_woke_it_and_whichever_came_before(
    world: World, engine: GatedEngine, pictures: PictureServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The last one has lost its attempts, and only ends."""
    caplog.set_level("INFO")
    engine.gate.clear()
    waiting = {}
    for name in ("the-first", "the-second", "the-last"):
        enter_request(name)
        waiting[name] = submit_from(pictures, world.organisation)
    Job.objects.filter(id=waiting["the-last"].id).update(
        status="processing", attempt=3, lease_expires_at=timezone.now()
    )
    first = in_thread(runner.run, waiting["the-first"].id)
    engine.wait_for_call()
    for job in waiting.values():
        runner.run(job.id)
    engine.gate.set()
    first.join(20)
    ended = {logged(record)["job"]: logged(record) for record in caplog.records if "job_ended" in str(record.msg)}
    assert {name: ended[job.id]["request_id"] for name, job in waiting.items()} == {name: name for name in waiting}
    assert ended[waiting["the-last"].id]["error_code"] == "internal_error"


def test_a_late_worker_changes_nothing_and_leaves_no_file(
    world: World, engine: GatedEngine, pictures: PictureServer, media: Media
) -> None:
    """Its lease runs out in the engine; a second worker takes over and ends the job; then it comes back."""
    engine.gate.clear()
    job = submit_from(pictures, world.organisation)
    late = in_thread(runner.run, job.id)
    engine.wait_for_call()
    expire_lease(job)
    successor = jobs.claim(job.id)
    assert successor is not None
    late_files = media.names
    made = runner._input(job.model_image_url, "model")
    runner._store(successor, person_name=made, garment_name=made)
    runner._store(successor, output_name=made)
    assert jobs.complete(successor, engine_request_id="second")

    engine.gate.set()
    late.join(20)
    after = Job.objects.get(id=job.id)
    assert (after.engine_request_id, after.attempt) == ("second", 2)
    assert media.names == {after.person_name, after.garment_name, after.output_name}
    assert not late_files & media.names
    account = ledger.balance(world.alice.org_id)
    assert (account.available, account.reserved) == (99, 0)


def test_a_late_workers_failure_changes_nothing_either(
    world: World, engine: GatedEngine, pictures: PictureServer, media: Media
) -> None:
    engine.gate.clear()
    engine.failures.append(FINAL)
    job = submit_from(pictures, world.organisation)
    late = in_thread(runner.run, job.id)
    engine.wait_for_call()
    expire_lease(job)
    assert jobs.claim(job.id) is not None
    engine.gate.set()
    late.join(20)
    assert Job.objects.get(id=job.id).status == "processing"
    assert media.names == set()


def test_a_cancelled_or_unknown_job_is_not_run(world: World, engine: GatedEngine, pictures: PictureServer) -> None:
    job = submit_from(pictures, world.organisation)
    jobs.cancel(job, actor="key:1")
    assert run(job).status == "cancelled"
    runner.run("job_" + "0" * 26)
    assert engine.timeouts == []


@pytest.mark.parametrize("code", ["engine_timeout", "content_blocked", "person_not_found"])
def test_test_mode_fails_as_the_url_says(world: World, code: str) -> None:
    simulated = {"model_image_url": f"https://test.zupertry.com/{code}.jpg", "garment_image_url": SUCCESS}
    job = run(submit_from(PictureServer(), world.organisation, Mode.TEST, **simulated))
    assert (job.status, job.error_code) == ("failed", code)


def test_test_mode_calls_no_engine(world: World, engine: GatedEngine, pictures: PictureServer) -> None:
    job = run(submit_from(pictures, world.organisation, Mode.TEST, model_image_url=SUCCESS))
    assert (job.status, engine.timeouts) == ("completed", [])


def test_the_picture_comes_back_in_size_and_type_of_the_persons(
    world: World, engine: GatedEngine, pictures: PictureServer
) -> None:
    photo = pictures.add("/photo.png", content(images.png(33, 77), "image/png"))
    job = run(submit_from(pictures, world.organisation, model_image_url=photo))
    assert job.output_name.endswith(".png")
