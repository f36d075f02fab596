"""What staff do to jobs, against workers and each other."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, Mode, Organisation, WebhookEvent, Workspace
from billing import ledger, replay
from billing.models import LedgerEntry
from tryon import interventions, jobs, runner, uploads
from tryon.failures import failure
from tryon.models import Job
from tryon.tests.conftest import Media, submit_from
from tryon.tests.dashboard.conftest import made
from tryon.uploads import upload
from zupertry.core import storage
from zupertry.core.errors import Refusal
from zupertry.testing import images
from zupertry.testing.broker import Woken, drain
from zupertry.testing.engines import GatedEngine
from zupertry.testing.jobs import GARMENT, PERSON, claimed, completed, submitted
from zupertry.testing.pictures import PictureServer, status
from zupertry.testing.threads import at_once, in_thread
from zupertry.testing.world import World

HOOK = "https://hooks.example.com/zupertry"
SAM = "staff:usr_06h0lr6jrlqjl1uo4mc5cohu7k"
Status = Job.Status


@pytest.fixture
def ledger_stays_exact(world: World) -> Iterator[None]:
    yield
    assert replay.differences() == []


pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("ledger_stays_exact", "empty_broker")]


def credits_of(organisation: Organisation) -> tuple[int, int]:
    account = ledger.balance(organisation.id)
    return account.available, account.reserved


def kinds(job: Job) -> list[str]:
    return list(LedgerEntry.objects.filter(reference=job.id).order_by("id").values_list("kind", flat=True))


def again(job: Job, key: str = "a-form") -> Job:
    return interventions.run_again(job, actor=SAM, reason="They asked", key=key)


def fresh(job: Job) -> Job:
    return Job.objects.select_related("organisation").get(id=job.id)


# Run again


def test_a_job_runs_again_as_a_new_one_that_refers_to_it(world: World) -> None:
    first = completed(world.organisation, webhook_url=HOOK, client_reference_id="order-1", metadata={"sku": "shirt-7"})
    drain()
    second = again(fresh(first))
    assert drain() == [Woken("tryon.run", second.id)]
    assert list(first.reruns.all()) == [second]
    stored = fresh(second)
    assert (stored.status, stored.mode, stored.actor, stored.rerun_of_id) == ("pending", "live", SAM, first.id)
    for name in ("workspace_id", "webhook_url", "client_reference_id", "metadata", "model_image_url"):
        assert getattr(stored, name) == getattr(first, name)
    entry = AuditEntry.objects.get(action="job.run_again")
    assert (entry.actor, entry.subject, entry.reason) == (SAM, first.id, "They asked")
    assert entry.details == {"job": second.id}


def test_the_customer_pays_for_what_succeeds(world: World) -> None:
    failed = claimed(world.organisation)
    jobs.fail(failed, failure("engine_error"))
    again(fresh(failed))
    assert credits_of(world.organisation) == (99, 1)
    free = completed(world.organisation, Mode.TEST)
    assert kinds(again(fresh(free), "another")) == []
    assert credits_of(world.organisation) == (99, 1)


def test_without_a_credit_it_does_not_run_again_and_nothing_is_written_down(world: World) -> None:
    job = completed(world.organisation)
    ledger.grant(world.alice.org_id, -99, "all-gone", actor=SAM, note="")
    with pytest.raises(Refusal, match="No credits are left"):
        again(fresh(job))
    assert Job.objects.count() == 1
    assert not AuditEntry.objects.filter(action="job.run_again").exists()


def test_the_same_form_runs_a_job_again_once(world: World) -> None:
    job = fresh(completed(world.organisation))
    answers = at_once([partial(again, job)] * 4)
    assert sorted(type(answer).__name__ for answer in answers) == ["Job", "Refusal", "Refusal", "Refusal"]
    assert "sent already" in str(next(answer for answer in answers if isinstance(answer, Refusal)))
    assert Job.objects.count() == 2
    assert AuditEntry.objects.filter(action="job.run_again").count() == 1


def test_the_same_form_half_an_hour_later_runs_nothing_again(world: World, media: Media) -> None:
    """The links to what is in storage are others by then, so the request is not the same."""
    job = made(world.organisation)
    first = again(job)
    Job.objects.filter(id=first.id).update(idempotency_digest=b"another")
    with pytest.raises(Refusal, match="sent already"):
        again(job)


def test_the_copies_in_storage_come_before_links_that_may_have_expired(world: World, media: Media) -> None:
    job = made(world.organisation)
    second = again(job)
    moment = second.created_at
    assert storage.named_by(second.model_image_url, at=moment) == job.person_name
    assert storage.named_by(second.garment_image_url, at=moment) == job.garment_name
    Job.objects.filter(id=job.id).update(inputs_expire_at=timezone.now() + timedelta(minutes=5))
    third = again(fresh(job), "later")
    assert (third.model_image_url, third.garment_image_url) == (PERSON, GARMENT)


def test_it_runs_from_its_copies_once_the_links_are_dead(
    world: World, engine: GatedEngine, pictures: PictureServer, media: Media
) -> None:
    first = submit_from(pictures, world.organisation)
    runner.run(first.id)
    second = again(fresh(first))
    pictures.add("/person.jpg", status(404))
    runner.run(second.id)
    assert fresh(second).status == Status.COMPLETED


def test_an_upload_that_is_deleted_can_not_be_run_again(world: World, media: Media) -> None:
    link = storage.own_url(upload(world.organisation, images.jpeg(), "model", actor="user:1").name)
    job = claimed(world.organisation, Mode.TEST, model_image_url=link)
    jobs.fail(job, failure("engine_error"))
    assert again(fresh(job)).status == "pending"
    uploads.delete_all_of(world.alice.org_id)
    with pytest.raises(Refusal, match="is deleted"):
        again(fresh(job), "later")


def test_what_has_not_ended_or_may_not_run_does_not_run_again(world: World) -> None:
    with pytest.raises(Refusal, match="not ended"):
        again(fresh(submitted(world.organisation)))
    job = completed(world.organisation)
    Workspace.objects.filter(id=job.workspace_id).update(status="archived")
    with pytest.raises(Refusal, match="archived"):
        again(fresh(job))
    for change, says in (({"suspended_at": timezone.now()}, "suspended"), ({"closed_at": timezone.now()}, "deleted")):
        Organisation.objects.filter(id=job.organisation_id).update(**change)
        with pytest.raises(Refusal, match=says):
            again(fresh(job))
        Organisation.objects.filter(id=job.organisation_id).update(suspended_at=None)
    assert Job.objects.filter(rerun_of__isnull=False).count() == 0


# Fail


def fail(job: Job) -> bool:
    try:
        interventions.fail(job, actor=SAM, reason="It hangs")
    except Refusal:
        return False
    return True


@pytest.mark.parametrize("begin", [submitted, claimed])
def test_a_job_that_has_not_ended_is_failed_its_credit_returned_and_the_customer_told(world: World, begin) -> None:
    job = begin(world.organisation, webhook_url=HOOK)
    assert fail(fresh(job))
    ended = fresh(job)
    assert (ended.status, ended.error_code, ended.credits_consumed) == ("failed", "internal_error", 0)
    assert ended.error_message == failure("internal_error").message
    assert ended.error_detail == f"failed by {SAM}: It hangs"
    assert (ended.lease_expires_at, ended.delivery is None) == (None, False)
    assert (kinds(job), credits_of(world.organisation)) == (["hold", "release"], (100, 0))
    event = WebhookEvent.objects.get(reference=job.id)
    assert (event.type, event.payload["error_code"]) == ("job.failed", "internal_error")
    entry = AuditEntry.objects.get(action="job.failed")
    assert (entry.subject, entry.reason, entry.details) == (job.id, "It hangs", {})
    assert LedgerEntry.objects.get(reference=job.id, kind="release").actor == SAM
    assert not fail(ended)
    assert AuditEntry.objects.filter(action="job.failed").count() == 1


def test_what_has_ended_is_not_failed(world: World) -> None:
    job = completed(world.organisation)
    assert not fail(fresh(job))
    assert fresh(job).status == Status.COMPLETED


def test_fail_against_complete_charges_or_releases_but_never_both(world: World) -> None:
    outcomes = set()
    for _ in range(20):
        job = claimed(world.organisation, webhook_url=HOOK)
        ends = at_once([partial(jobs.complete, job, engine_request_id=""), partial(fail, fresh(job))])
        assert sorted(ends) == [False, True]
        assert len(kinds(job)) == 2
        assert WebhookEvent.objects.filter(reference=job.id).count() == 1
        assert (fresh(job).status == "failed") is ends[1]
        outcomes.add(ends[1])
    assert credits_of(world.organisation)[1] == 0


def test_fail_against_claim_fails_the_job_whichever_is_first(world: World) -> None:
    """A worker that claims it a moment before works for nothing; one that comes after finds nothing to do."""
    for _ in range(20):
        job = submitted(world.organisation)
        start = Barrier(2)

        def claim(job_id: str, start: Barrier) -> Job | None:
            start.wait()
            return jobs.claim(job_id)

        def end(job: Job, start: Barrier) -> bool:
            start.wait()
            return fail(job)

        worker, failed = at_once([partial(claim, job.id, start), partial(end, fresh(job), start)])
        assert failed is True
        assert fresh(job).status == "failed"
        assert worker is None or not jobs.complete(worker, engine_request_id="late")
        assert kinds(job) == ["hold", "release"]


def test_a_busy_workers_result_counts_no_more_and_only_what_was_sent_stays(
    world: World, engine: GatedEngine, pictures: PictureServer, media: Media
) -> None:
    """Inputs stay as long as of any job that failed, so that it can run again."""
    engine.gate.clear()
    job = submit_from(pictures, world.organisation)
    busy = in_thread(runner.run, job.id)
    engine.wait_for_call()
    assert fail(fresh(job))
    engine.gate.set()
    busy.join(20)
    after = fresh(job)
    assert (after.status, kinds(job)) == ("failed", ["hold", "release"])
    assert media.names == {after.person_name, after.garment_name}


# Cancel, refund


def test_a_pending_job_is_cancelled_and_who_did_it_is_written_down(world: World) -> None:
    job = submitted(world.organisation)
    jobs.cancel(job, actor=SAM, reason="A mistake")
    assert (fresh(job).status, credits_of(world.organisation)) == ("cancelled", (100, 0))
    assert AuditEntry.objects.get(action="job.cancelled").reason == "A mistake"
    with pytest.raises(Refusal, match="not pending"):
        jobs.cancel(job, actor=SAM, reason="A mistake")
    assert AuditEntry.objects.filter(action="job.cancelled").count() == 1


def test_a_refund_twice_is_one(world: World) -> None:
    job = fresh(completed(world.organisation))
    refund = partial(interventions.refund, job, actor=SAM, reason="Three arms")
    answers = at_once([refund] * 4)
    assert sorted(type(answer).__name__ for answer in answers) == ["NoneType", "Refusal", "Refusal", "Refusal"]
    assert kinds(job) == ["hold", "capture", "refund"]
    assert AuditEntry.objects.get(action="job.refunded").reason == "Three arms"


def test_why_is_for_staff_alone(world: World) -> None:
    """Customers read the notes of their ledger."""
    interventions.refund(fresh(completed(world.organisation)), actor=SAM, reason="Three arms")
    assert not LedgerEntry.objects.filter(note__contains="arms").exists()
