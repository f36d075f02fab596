"""A job's life. Every change of its status is here: a conditional UPDATE, in one transaction with credit and event.

`pending` → `processing` | `cancelled` | `failed`; `processing` → `completed` | `failed`; `completed` → `refunded`. An
attempt holds a lease; what it changes filters on its number, so a worker that comes back late changes nothing.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.models import Mode, Organisation, Workspace
from accounts.webhooks import outbox
from billing import ledger
from tryon.failures import RETRYABLE, Failure, failure
from tryon.models import Job
from tryon.simulation import pending_seconds
from zupertry.core import ids, metrics
from zupertry.core.api import timestamp
from zupertry.core.errors import Refusal
from zupertry.core.requests import request_id
from zupertry.core.wake import wake

IDEMPOTENCY_LIFETIME = timedelta(hours=24)
MAX_ATTEMPTS = 3

log = structlog.get_logger(__name__)
Status = Job.Status


@dataclass(frozen=True, slots=True)
class TryOnRequest:
    """What a caller asks for. `workspace_id` and `webhook_url` default to the organisation's."""

    model_image_url: str
    garment_image_url: str
    workspace_id: str | None = None
    webhook_url: str | None = None
    client_reference_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    @classmethod
    def again(cls, job: Job, model_image_url: str, garment_image_url: str) -> Self:
        """Return what asks for the same as `job` did, with its pictures at these addresses."""
        return cls(
            model_image_url,
            garment_image_url,
            workspace_id=job.workspace_id,
            webhook_url=job.webhook_url or None,
            client_reference_id=job.client_reference_id,
            metadata=job.metadata,
        )

    def digest(self) -> bytes:
        """Return a SHA-256 that two requests share only if they ask for the same."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).digest()


@dataclass(frozen=True, slots=True)
class Submission:
    """The job, and whether it had been submitted before under the same idempotency key."""

    job: Job
    replayed: bool = False


def submit(
    organisation: Organisation,
    mode: Mode,
    request: TryOnRequest,
    *,
    actor: str,
    idempotency_key: str | None = None,
    rerun_of: Job | None = None,
) -> Submission:
    """Make a job and, in live mode, hold its credit; or return the job that this idempotency key already made.

    `rerun_of` is the job that staff run again by it.

    Raises `Refusal`: `idempotency_conflict`, `workspace_not_found`, `insufficient_credits`.
    """
    if idempotency_key and (first := _remembered(organisation, mode, idempotency_key)):
        return _replay(first, request)
    job = Job(
        organisation=organisation,
        workspace=_workspace(organisation, request.workspace_id),
        mode=mode,
        actor=actor,
        request_id=request_id(),
        model_image_url=request.model_image_url,
        garment_image_url=request.garment_image_url,
        webhook_url=request.webhook_url or organisation.webhook_endpoint.url,
        client_reference_id=request.client_reference_id,
        metadata=request.metadata,
        idempotency_key=idempotency_key,
        idempotency_digest=request.digest() if idempotency_key else None,
        rerun_of=rerun_of,
        woken_at=timezone.now(),
    )
    try:
        _insert(job)
    except IntegrityError:
        # The same key arrived twice at this moment, and the other one was first.
        first = _remembered(organisation, mode, idempotency_key) if idempotency_key else None
        if first is None:
            raise
        return _replay(first, request)
    return Submission(job)


@transaction.atomic
def _insert(job: Job) -> None:
    job.save(force_insert=True)
    if job.mode == Mode.LIVE:
        ledger.hold(job.organisation_id, job.id, actor=job.actor)
    structlog.contextvars.bind_contextvars(job=job.id)
    _count(job.mode, Status.PENDING)
    wake("tryon.run", job.id, delay=pending_seconds(job.model_image_url, job.garment_image_url))


def _count(mode: str, status: str, error_code: str = "") -> None:
    metrics.after_commit(metrics.jobs.labels(mode, status, error_code).inc)


def _remembered(organisation: Organisation, mode: Mode, key: str) -> Job | None:
    """Return the job that a key made in the last 24 h. An older one lets go of its key."""
    job = Job.objects.filter(organisation=organisation, mode=mode, idempotency_key=key).first()
    if job and job.created_at < timezone.now() - IDEMPOTENCY_LIFETIME:
        Job.objects.filter(id=job.id).update(idempotency_key=None, idempotency_digest=None)
        return None
    return job


def _replay(first: Job, request: TryOnRequest) -> Submission:
    if bytes(first.idempotency_digest or b"") != request.digest():
        raise Refusal(
            "idempotency_conflict",
            "This Idempotency-Key was used with another body. Send the first body again, or use a new key.",
        )
    return Submission(first, replayed=True)


def _workspace(organisation: Organisation, workspace_id: str | None) -> Workspace:
    """Return the workspace named, or the oldest; an active one of this organisation's in either case."""
    active = Workspace.objects.filter(organisation=organisation, status=Workspace.Status.ACTIVE)
    if workspace_id is None:
        workspace = active.order_by("id").first()
        message = "There is no active workspace. Create or restore one."
    else:
        workspace = active.filter(id=workspace_id).first() if ids.is_id("ws", workspace_id) else None
        message = f"There is no active workspace “{workspace_id}”. GET /v1/workspaces lists those there are."
    if workspace is None:
        raise Refusal("workspace_not_found", message)
    return workspace


def claim(job_id: str) -> Job | None:
    """Start an attempt: of a pending job, or of one whose worker let its lease expire. None: it is not to be had.

    Jobs of suspended organisations wait. A job that has used up its attempts fails here.
    """
    now = timezone.now()
    lease = now + timedelta(seconds=settings.JOB_LEASE_SECONDS)
    active = Organisation.objects.filter(suspended_at=None)
    claimable = Job.objects.filter(id=job_id, organisation__in=active)
    # The status stands in the UPDATE's own WHERE: PostgreSQL looks at it again after waiting for another's commit.
    pending = claimable.filter(status=Status.PENDING)
    started = pending.update(status=Status.PROCESSING, attempt=1, started_at=now, lease_expires_at=lease)
    if started or _reclaim(claimable, now, lease):
        # By its lease: a worker that slept through it since must not take the next attempt for its own.
        claimed = Job.objects.filter(id=job_id, lease_expires_at=lease).first()
        if started and claimed:
            _count(claimed.mode, claimed.status)
            metrics.queue_seconds.labels(claimed.mode).observe((now - claimed.created_at).total_seconds())
        return claimed
    return None


def _reclaim(claimable: QuerySet[Job], now: datetime, lease: datetime) -> bool:
    job = claimable.filter(status=Status.PROCESSING, lease_expires_at__lte=now).first()
    if job is None:
        return False
    lost = job.attempt - job.handed_back
    if lost >= MAX_ATTEMPTS:
        fail(job, failure("internal_error", f"{lost} attempts ended without a result"))
        return False
    abandoned = _held(job).filter(lease_expires_at__lte=now)
    return abandoned.update(attempt=F("attempt") + 1, lease_expires_at=lease) == 1


def _held(job: Job) -> QuerySet[Job]:
    """Select the job if it still is in this very attempt."""
    return Job.objects.filter(id=job.id, status=Status.PROCESSING, attempt=job.attempt)


def note(job: Job, **fields: str) -> bool:
    """Write down what an attempt has so far. False: the attempt is no longer this worker's."""
    for name, value in fields.items():
        setattr(job, name, value)
    return bool(_held(job).update(**fields))


@transaction.atomic
def complete(job: Job, *, engine_request_id: str) -> bool:
    """End an attempt with the picture that `job.output_name` names. False: another attempt has taken over."""
    now = timezone.now()
    live = job.mode == Mode.LIVE
    if not _end(
        job,
        now,
        _held(job),
        status=Status.COMPLETED,
        credits_consumed=1 if live else 0,
        engine_request_id=engine_request_id[:200],
        output_expires_at=now + settings.RETENTION_OUTPUT,
    ):
        return False
    if live:
        ledger.capture(job.organisation_id, job.id)
    _tell(job, "job.completed", now, output_url=None)
    return True


@transaction.atomic
def fail(job: Job, reason: Failure) -> bool:
    """End an attempt for good, and give the credit back. False: another attempt has taken over."""
    return _fail(job, reason, _held(job))


@transaction.atomic
def abort(job: Job, reason: Failure, *, actor: str) -> bool:
    """Fail a job that waits or is worked on, whichever attempt it is in, for `actor`. False: it had ended."""
    # Locked, so that no worker starts or ends it between the look at its attempt and the change.
    current = Job.objects.select_for_update(no_key=True).get(id=job.id)
    unended = Job.objects.filter(
        id=job.id,
        status__in=[Status.PENDING, Status.PROCESSING],
        attempt=current.attempt,
        started_at=current.started_at,
    )
    return _fail(current, reason, unended, actor=actor)


def _fail(job: Job, reason: Failure, unended: QuerySet[Job], *, actor: str = "system") -> bool:
    now = timezone.now()
    if not _end(
        job,
        now,
        unended,
        status=Status.FAILED,
        credits_consumed=0,
        error_code=reason.code,
        error_message=_storable(reason.message)[:500],
        error_detail=_storable(reason.detail),
        output_expires_at=now,
    ):
        return False
    if job.mode == Mode.LIVE:
        ledger.release(job.organisation_id, job.id, actor=actor)
    retryable = reason.code in RETRYABLE
    _tell(job, "job.failed", now, error=job.error_message, error_code=job.error_code, retryable=retryable)
    return True


def _storable(text: str) -> str:
    """Return text that PostgreSQL takes: it can't hold a NUL."""
    return text.replace("\x00", "")


def _end(job: Job, now: datetime, unended: QuerySet[Job], **changes: Any) -> bool:
    changes["completed_at"] = now
    # Two machines' clocks may be a little apart.
    changes["duration_ms"] = max(0, round((now - (job.started_at or now)) / timedelta(milliseconds=1)))
    changes["lease_expires_at"] = None
    changes["inputs_expire_at"] = now + settings.RETENTION_INPUT
    ended = bool(unended.update(**changes))
    if ended:
        for name, value in changes.items():
            setattr(job, name, value)
        log.info("job_ended", job=job.id, status=job.status, error_code=job.error_code or None, ms=job.duration_ms)
        _count(job.mode, job.status, job.error_code)
        took = metrics.result_seconds.labels(job.mode, job.status)
        metrics.after_commit(partial(took.observe, (now - job.created_at).total_seconds()))
    return ended


def _tell(job: Job, type_: str, now: datetime, **outcome: Any) -> None:
    """Put the webhook that says how the job ended into the outbox, if there is anyone to tell."""
    if not job.webhook_url:
        return
    data = {
        "job_id": job.id,
        "workspace_id": job.workspace_id,
        "org_id": job.organisation_id,
        "status": job.status,
        **outcome,
        "credits_consumed": job.credits_consumed,
        "created_at": timestamp(job.created_at),
        "completed_at": timestamp(now),
        "mode": job.mode,
        "client_reference_id": job.client_reference_id,
        "metadata": job.metadata,
    }
    output_name = job.output_name if job.status == Status.COMPLETED else ""
    delivery = outbox.record(job.organisation_id, type_, job.id, data, output_name=output_name, url=job.webhook_url)
    Job.objects.filter(id=job.id).update(delivery=delivery)


@transaction.atomic
def cancel(job: Job, *, actor: str, reason: str = "") -> None:
    """Cancel a pending job and give its credit back. Raises `Refusal` (`job_not_cancellable`) once it has started."""
    now = timezone.now()
    cancelled = Job.objects.filter(id=job.id, status=Status.PENDING).update(
        status=Status.CANCELLED, credits_consumed=0, completed_at=now, duration_ms=0
    )
    if not cancelled:
        raise Refusal("job_not_cancellable", "The job is not pending any more. Only a pending job can be cancelled.")
    _count(job.mode, Status.CANCELLED)
    if job.mode == Mode.LIVE:
        ledger.release(job.organisation_id, job.id, actor=actor)
    audit.record(Organisation(pk=job.organisation_id), actor, "job.cancelled", job.id, reason=reason)


@transaction.atomic
def refund(job: Job, *, actor: str, reason: str) -> bool:
    """Take a completed job back: its credit returns, its picture is withheld. False: it was not completed.

    `reason` is for the audit log alone: customers read the notes of their ledger.
    """
    refunded = Job.objects.filter(id=job.id, status=Status.COMPLETED).update(status=Status.REFUNDED, credits_consumed=0)
    if refunded and job.mode == Mode.LIVE:
        ledger.refund(job.organisation_id, job.id, actor=actor, note="")
    if refunded:
        _count(job.mode, Status.REFUNDED)
        outbox.withdraw(job.id)
        audit.record(job.organisation, actor, "job.refunded", job.id, reason=reason)
    return bool(refunded)
