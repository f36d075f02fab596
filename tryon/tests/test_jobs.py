from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from accounts import organisations
from accounts.models import Mode, Organisation, WebhookDelivery, WebhookEvent
from billing import ledger, replay
from billing.models import LedgerEntry
from tryon import jobs
from tryon.failures import failure
from tryon.models import Job
from zupertry.core.errors import Refusal
from zupertry.testing.jobs import ACTOR, GARMENT, PERSON, claimed, completed, submitted
from zupertry.testing.threads import at_once
from zupertry.testing.world import World

HOOK = "https://hooks.example.com/zupertry"
REQUEST = jobs.TryOnRequest(PERSON, GARMENT)
Status = Job.Status


def credits_of(world: World) -> tuple[int, int]:
    account = ledger.balance(world.alice.org_id)
    return account.available, account.reserved


def kinds(job: Job) -> list[str]:
    return list(LedgerEntry.objects.filter(reference=job.id).order_by("id").values_list("kind", flat=True))


def expire_lease(job: Job) -> None:
    Job.objects.filter(id=job.id).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def lose_attempts(job: Job, number: int) -> Job:
    """Let the job's attempts expire until it is in attempt `number`."""
    while job.attempt < number:
        expire_lease(job)
        again = jobs.claim(job.id)
        assert again is not None
        job = again
    return job


@pytest.fixture
def ledger_stays_exact(world: World) -> Iterator[None]:
    yield
    assert replay.differences() == []


pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("ledger_stays_exact")]


def test_a_live_job_holds_one_credit(world: World) -> None:
    job = submitted(world.organisation)
    assert credits_of(world) == (99, 1)
    assert kinds(job) == ["hold"]


def test_a_test_job_touches_no_credit(world: World) -> None:
    job = completed(world.organisation, Mode.TEST)
    assert credits_of(world) == (100, 0)
    assert (kinds(job), job.credits_consumed) == ([], 0)


def test_without_a_credit_there_is_no_job(world: World) -> None:
    ledger.grant(world.alice.org_id, -99, "down-to-one", actor=ACTOR, note="")
    submitted(world.organisation)
    with pytest.raises(Refusal) as refusal:
        submitted(world.organisation)
    assert (refusal.value.code, refusal.value.status) == ("insufficient_credits", 402)
    assert Job.objects.count() == 1


def test_of_200_submits_at_once_on_100_credits_100_are_accepted(world: World) -> None:
    organisation = world.organisation
    answers = at_once([lambda: submitted(organisation)] * 200)
    refused = [answer for answer in answers if isinstance(answer, Refusal)]
    assert len([answer for answer in answers if isinstance(answer, Job)]) == 100
    assert [refusal.code for refusal in refused] == ["insufficient_credits"] * 100
    assert Job.objects.count() == 100
    assert credits_of(world) == (0, 100)


def test_control_without_the_condition_on_the_balance_the_last_credit_is_spent_twice(world: World) -> None:
    """The same race on an account that is looked at first and changed after, which is what the ledger avoids."""
    org_id = world.charlie.org_id
    ledger.grant(org_id, -99, "down-to-one", actor=ACTOR, note="")
    both_have_looked = Barrier(2)

    def spend() -> bool:
        enough = ledger.balance(org_id).available >= 1
        both_have_looked.wait()
        return enough and ledger._change(org_id, -1, 0)

    assert at_once([spend, spend]) == [True, True]
    assert ledger.balance(org_id).available == -1
    ledger._change(org_id, +2, 0)


def test_20_parallel_submits_with_one_idempotency_key_make_one_job(world: World) -> None:
    organisation = world.organisation

    def submit() -> jobs.Submission:
        return jobs.submit(organisation, Mode.LIVE, REQUEST, actor=ACTOR, idempotency_key="order-1")

    submissions = at_once([submit] * 20)
    assert all(isinstance(submission, jobs.Submission) for submission in submissions), submissions
    assert sorted(submission.replayed for submission in submissions) == [False] + [True] * 19
    assert len({submission.job.id for submission in submissions}) == 1
    assert credits_of(world) == (99, 1)


def test_an_idempotency_key_is_bound_to_body_and_mode(world: World) -> None:
    organisation = world.organisation
    first = jobs.submit(organisation, Mode.TEST, REQUEST, actor=ACTOR, idempotency_key="order-1")
    other = jobs.TryOnRequest(PERSON, PERSON)
    with pytest.raises(Refusal, match="another body"):
        jobs.submit(organisation, Mode.TEST, other, actor=ACTOR, idempotency_key="order-1")
    live = jobs.submit(organisation, Mode.LIVE, REQUEST, actor=ACTOR, idempotency_key="order-1")
    assert not live.replayed
    assert live.job.id != first.job.id


def test_a_refused_submit_leaves_its_idempotency_key_free(world: World) -> None:
    organisation = world.organisation
    ledger.grant(organisation.id, -100, "all-gone", actor=ACTOR, note="")
    with pytest.raises(Refusal):
        jobs.submit(organisation, Mode.LIVE, REQUEST, actor=ACTOR, idempotency_key="order-1")
    ledger.grant(organisation.id, 1, "one-back", actor=ACTOR, note="")
    assert not jobs.submit(organisation, Mode.LIVE, REQUEST, actor=ACTOR, idempotency_key="order-1").replayed


def test_cancel_against_claim_ends_in_exactly_one_of_the_two_500_times(world: World) -> None:
    organisation = world.organisation
    ledger.grant(organisation.id, 400, "enough-for-500", actor=ACTOR, note="")
    contested = [submitted(organisation) for _ in range(500)]
    start = Barrier(2)

    def claim_all() -> list[bool]:
        return [start.wait() >= 0 and jobs.claim(job.id) is not None for job in contested]

    def cancel(job: Job) -> bool:
        start.wait()
        try:
            jobs.cancel(job, actor=ACTOR)
        except Refusal:
            return False
        return True

    claims, cancels = at_once([claim_all, lambda: [cancel(job) for job in contested]])
    assert [claim + cancel for claim, cancel in zip(claims, cancels, strict=True)] == [1] * 500
    assert 0 < sum(cancels) < 500, "the race was no race"
    released = set(LedgerEntry.objects.filter(kind="release").values_list("reference", flat=True))
    assert released == {job.id for job, cancelled in zip(contested, cancels, strict=True) if cancelled}
    assert credits_of(world) == (500 - sum(claims), sum(claims))
    assert Job.objects.filter(status=Status.CANCELLED, credits_consumed=0).count() == sum(cancels)


def test_of_many_workers_one_claims_a_job(world: World) -> None:
    job = submitted(world.organisation)
    claims = at_once([lambda: jobs.claim(job.id)] * 8)
    assert sorted(claim is not None for claim in claims) == [False] * 7 + [True]


def test_of_many_workers_one_takes_an_abandoned_job_over(world: World) -> None:
    job = claimed(world.organisation)
    expire_lease(job)
    claims = at_once([lambda: jobs.claim(job.id)] * 8)
    (again,) = [claim for claim in claims if isinstance(claim, Job)]
    assert again.attempt == 2
    assert again.started_at == job.started_at


def test_a_job_under_lease_is_not_to_be_had(world: World) -> None:
    job = claimed(world.organisation)
    assert jobs.claim(job.id) is None


def test_jobs_of_a_suspended_organisation_wait_until_it_is_restored(world: World) -> None:
    organisation = world.organisation
    waiting, abandoned = submitted(organisation), claimed(organisation)
    expire_lease(abandoned)
    organisations.suspend(organisation, actor="staff:1", reason="unpaid")
    assert jobs.claim(waiting.id) is None
    assert jobs.claim(abandoned.id) is None
    Organisation.objects.filter(pk=organisation.pk).update(suspended_at=None)
    assert jobs.claim(waiting.id) is not None
    assert jobs.claim(abandoned.id) is not None


def test_completing_spends_the_credit_and_tells_the_customer(world: World) -> None:
    job = completed(world.organisation, webhook_url=HOOK, client_reference_id="order-1", metadata={"a": "b"})
    assert credits_of(world) == (99, 0)
    assert kinds(job) == ["hold", "capture"]
    stored = Job.objects.get(id=job.id)
    assert (stored.status, stored.credits_consumed, stored.lease_expires_at) == (Status.COMPLETED, 1, None)
    assert stored.delivery is not None
    event = WebhookEvent.objects.get(reference=job.id)
    assert (event.type, event.output_name) == ("job.completed", job.output_name)
    assert event.payload["client_reference_id"] == "order-1"
    assert event.payload["credits_consumed"] == 1


def test_failing_gives_the_credit_back_and_tells_the_customer_why(world: World) -> None:
    job = claimed(world.organisation, webhook_url=HOOK)
    assert jobs.fail(job, failure("engine_timeout", "raw \x00 error"))
    assert credits_of(world) == (100, 0)
    assert kinds(job) == ["hold", "release"]
    event = WebhookEvent.objects.get(reference=job.id)
    assert event.type == "job.failed"
    assert (event.payload["error_code"], event.payload["retryable"]) == ("engine_timeout", True)
    assert event.payload["credits_consumed"] == 0


def test_a_webhook_url_that_has_become_forbidden_does_not_stop_the_end_of_a_job(world: World) -> None:
    job = completed(world.organisation, webhook_url="http://10.0.0.1:99999/" + "x" * 400)
    assert Job.objects.get(id=job.id).status == Status.COMPLETED


def test_a_host_of_a_thousand_characters_does_not_stop_the_end_of_a_job(world: World) -> None:
    job = completed(world.organisation, webhook_url=f"https://{'a' * 1_000}.example/hook")
    assert Job.objects.get(id=job.id).status == Status.COMPLETED


def test_without_a_webhook_url_nobody_is_told(world: World) -> None:
    completed(world.organisation)
    assert not WebhookEvent.objects.exists()


def test_the_organisations_webhook_url_is_the_default(world: World) -> None:
    organisation = world.organisation
    organisation.webhook_endpoint.url = HOOK
    organisation.webhook_endpoint.save()
    completed(world.organisation)
    assert WebhookDelivery.objects.get().url == HOOK


def test_what_a_late_worker_does_changes_nothing(world: World) -> None:
    late = claimed(world.organisation, webhook_url=HOOK)
    current = lose_attempts(late, 2)
    before = Job.objects.values().get(id=late.id)
    assert not jobs.note(late, person_name="late.jpg")
    assert not jobs.complete(late, engine_request_id="late")
    assert not jobs.fail(late, failure("engine_error"))
    assert Job.objects.values().get(id=late.id) == before
    assert not WebhookEvent.objects.exists()
    assert credits_of(world) == (99, 1)
    assert jobs.complete(current, engine_request_id="in time")
    assert not jobs.complete(current, engine_request_id="twice")
    assert credits_of(world) == (99, 0)


def test_a_worker_that_slept_after_its_claim_does_not_take_the_next_attempt_for_its_own(world: World) -> None:
    """It wakes between its UPDATE and its SELECT, when the lease is over and another worker has claimed the job."""
    job = submitted(world.organisation)
    others: list[Job | Exception | None] = []

    def sleep_before_the_look(execute, sql, params, many, context):
        if sql.startswith("SELECT") and not others:
            expire_lease(job)
            others.extend(at_once([lambda: jobs.claim(job.id)]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(sleep_before_the_look):
        assert jobs.claim(job.id) is None
    assert [other.attempt for other in others if isinstance(other, Job)] == [2]


def test_complete_against_fail_of_the_same_attempt_charges_or_releases_but_never_both(world: World) -> None:
    for _ in range(20):
        job = claimed(world.organisation, webhook_url=HOOK)
        ends = at_once(
            [
                partial(jobs.complete, job, engine_request_id=""),
                partial(jobs.fail, Job.objects.get(id=job.id), failure("engine_error")),
            ]
        )
        assert sorted(ends) == [False, True]
        assert len(kinds(job)) == 2
        assert WebhookEvent.objects.filter(reference=job.id).count() == 1
    assert credits_of(world)[1] == 0


def test_after_three_lost_attempts_the_job_fails_and_the_credit_returns(world: World) -> None:
    job = lose_attempts(claimed(world.organisation, webhook_url=HOOK), jobs.MAX_ATTEMPTS)
    expire_lease(job)
    assert at_once([lambda: jobs.claim(job.id)] * 4) == [None] * 4
    ended = Job.objects.get(id=job.id)
    assert (ended.status, ended.error_code, ended.attempt) == (Status.FAILED, "internal_error", 3)
    assert kinds(job) == ["hold", "release"]
    assert credits_of(world) == (100, 0)
    assert WebhookEvent.objects.get(reference=job.id).payload["error_code"] == "internal_error"


def test_a_cancelled_job_sends_no_webhook_and_cannot_be_claimed(world: World) -> None:
    job = submitted(world.organisation, webhook_url=HOOK)
    jobs.cancel(job, actor=ACTOR)
    assert jobs.claim(job.id) is None
    assert not WebhookEvent.objects.exists()
    assert credits_of(world) == (100, 0)
    with pytest.raises(Refusal, match="not pending"):
        jobs.cancel(job, actor=ACTOR)


def test_a_refund_returns_the_credit_once_and_sends_no_webhook(world: World) -> None:
    job = completed(world.organisation)
    refund = [lambda: jobs.refund(job, actor="staff:1", reason="A bad picture")] * 4
    assert sorted(at_once(refund)) == [False, False, False, True]
    refunded = Job.objects.get(id=job.id)
    assert (refunded.status, refunded.credits_consumed) == (Status.REFUNDED, 0)
    assert kinds(job) == ["hold", "capture", "refund"]
    assert credits_of(world) == (100, 0)
    assert not WebhookEvent.objects.exists()


def test_only_a_completed_job_is_refunded(world: World) -> None:
    job = claimed(world.organisation)
    assert not jobs.refund(job, actor="staff:1", reason="")
    jobs.fail(job, failure("engine_error"))
    assert not jobs.refund(job, actor="staff:1", reason="")


def test_an_error_that_is_no_replay_is_not_taken_for_one(world: World) -> None:
    """An id that exists already violates a constraint too."""
    job = submitted(world.organisation)
    with pytest.raises(IntegrityError):
        jobs._insert(Job.objects.get(id=job.id))


def test_a_refund_withdraws_the_webhook_that_has_not_arrived(world: World) -> None:
    job = completed(world.organisation, webhook_url="https://shop.example.com/hook")
    assert jobs.refund(job, actor="staff:1", reason="A bad picture")
    delivery = Job.objects.select_related("delivery__event").get(id=job.id).delivery
    assert delivery is not None
    assert (delivery.status, delivery.next_attempt_at, delivery.event.output_name) == ("failed", None, "")


def test_a_providers_request_id_of_any_length_is_kept_as_far_as_it_fits(world: World) -> None:
    job = claimed(world.organisation)
    assert jobs.complete(job, engine_request_id="x" * 1000)
    assert Job.objects.get(id=job.id).engine_request_id == "x" * 200
