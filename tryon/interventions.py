"""What staff do to jobs: each change in one transaction with its entry in the audit log, which says why."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Mode
from tryon import jobs, uploads
from tryon.failures import failure
from tryon.models import Job
from zupertry.core.errors import Refusal

COPIES_MARGIN = timedelta(minutes=10)
"""How long copies of pictures have to be kept yet for another job to be made from them: it may have to wait."""


@transaction.atomic
def run_again(job: Job, *, actor: str, reason: str, key: str) -> Job:
    """Submit a job's pictures once more, as a new job that refers to it; once for each `key`, however often it is sent.

    A live one holds a credit, as any. Raises `Refusal`.
    """
    _check_may_run_again(job)
    urls = uploads.urls_of_copies(job, timezone.now() + COPIES_MARGIN)
    if urls is None:
        raise Refusal("validation_error", "A picture that was uploaded for it is deleted, so it can't run again.")
    again = _submit(job, jobs.TryOnRequest.again(job, *urls), actor=actor, key=key)
    audit.record(job.organisation, actor, "job.run_again", job.id, reason=reason, job=again.id)
    return again


def _check_may_run_again(job: Job) -> None:
    organisation = job.organisation
    if job.completed_at is None:
        raise Refusal("validation_error", "It has not ended yet.")
    if organisation.suspended_at:
        raise Refusal("account_suspended", "The organisation is suspended: restore it first.")
    if organisation.closed_at:
        raise Refusal("validation_error", "The organisation is deleted.")


def _submit(job: Job, asked: jobs.TryOnRequest, *, actor: str, key: str) -> Job:
    sent_already = "This form was sent already: the page of the job leads to the one that it made."
    try:
        made = jobs.submit(job.organisation, Mode(job.mode), asked, actor=actor, idempotency_key=key, rerun_of=job)
    except Refusal as refusal:
        if refusal.code == "idempotency_conflict":  # a link to a picture in storage is another after half an hour
            raise Refusal(refusal.code, sent_already) from refusal
        if refusal.code == "workspace_not_found":
            raise Refusal(refusal.code, "Its workspace is archived. The customer can restore it.") from refusal
        raise
    if made.replayed:
        raise Refusal("idempotency_conflict", sent_already)
    return made.job


@transaction.atomic
def fail(job: Job, *, actor: str, reason: str) -> None:
    """Fail a job that waits or is worked on: its credit returns, the customer is told. Raises `Refusal` if it ended."""
    if not jobs.abort(job, failure("internal_error", f"failed by {actor}: {reason}"), actor=actor):
        raise Refusal("validation_error", "It has ended already.")
    audit.record(job.organisation, actor, "job.failed", job.id, reason=reason)


def refund(job: Job, *, actor: str, reason: str) -> None:
    """Take a completed job back: its credit returns, its picture is withheld.

    Raises `Refusal`: it is not completed, or a test job, which nobody has paid for.
    """
    if job.mode == Mode.TEST:
        raise Refusal("validation_error", "It is a test job, which cost nothing: there is nothing to give back.")
    if not jobs.refund(job, actor=actor, reason=reason):
        raise Refusal("validation_error", "It is not completed, or refunded already.")
