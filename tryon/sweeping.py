"""Finds the work that was lost or has become due. Everything here may run twice at once and do no harm."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from tryon.jobs import IDEMPOTENCY_LIFETIME
from tryon.models import Job
from zupertry.core import ids, storage
from zupertry.core.wake import wake

BATCH = 1_000

log = structlog.get_logger(__name__)


def sweep() -> dict[str, int]:
    """Run every sweeper of jobs once, and return what each found."""
    found = {
        "unwoken": wake_pending(),
        "expired": wake_abandoned(),
        "pictures": delete_expired_pictures(),
        "idempotency_keys": forget_idempotency_keys(),
    }
    log.info("jobs_swept", **found)
    return found


def wake_pending() -> int:
    """Wake pending jobs that nobody has woken for a while. Returns how many."""
    now = timezone.now()
    unwoken = Job.objects.filter(
        status=Job.Status.PENDING,
        woken_at__lt=now - timedelta(seconds=settings.SWEEP_INTERVAL_SECONDS),
        organisation__suspended_at=None,
    )
    ids_ = list(unwoken.order_by("woken_at").values_list("id", flat=True)[:BATCH])
    Job.objects.filter(id__in=ids_).update(woken_at=now)
    for job_id in ids_:
        wake("tryon.run", job_id)
    return len(ids_)


def wake_abandoned() -> int:
    """Wake jobs whose worker let the lease expire. Returns how many."""
    expired = Job.objects.filter(
        status=Job.Status.PROCESSING, lease_expires_at__lte=timezone.now(), organisation__suspended_at=None
    )
    ids_ = list(expired.order_by("lease_expires_at").values_list("id", flat=True)[:BATCH])
    for job_id in ids_:
        wake("tryon.run", job_id)
    return len(ids_)


def delete_expired_pictures() -> int:
    """Delete stored pictures whose retention has ended. Returns of how many jobs."""
    now = timezone.now()
    inputs_due = ~Q(person_name="") & Q(inputs_expire_at__lte=now)
    output_due = ~Q(output_name="") & Q(output_expires_at__lte=now)
    return _delete_all(inputs_due, now) + _delete_all(output_due, now)


def _delete_all(due: Q, now: datetime) -> int:
    """Go through all that is due, past whatever can't be deleted: the next sweep comes back to that."""
    deleted, last_id = 0, None
    while jobs := list(Job.objects.filter(due, *([Q(id__gt=last_id)] if last_id else [])).order_by("id")[:BATCH]):
        last_id = jobs[-1].id
        deleted += sum(_deleted(job, now) for job in jobs)
    return deleted


def _deleted(job: Job, now: datetime) -> bool:
    try:
        _delete_pictures(job, now)
    except Exception:
        log.exception("pictures_not_deleted", job=job.id)
        return False
    return True


def _delete_pictures(job: Job, now: datetime) -> None:
    """Delete the files first and forget their names after, so that a crash in between is mended by the next sweep."""
    gone: dict[str, str] = {}
    if job.inputs_expire_at and job.inputs_expire_at <= now:
        gone |= {"person_name": job.person_name, "garment_name": job.garment_name}
    if job.output_expires_at and job.output_expires_at <= now:
        gone["output_name"] = job.output_name
    for name in gone.values():
        storage.delete(name)
    changes = dict.fromkeys(gone, "")
    kept = Job.objects.filter(id=job.id)
    kept.update(**changes)
    kept.filter(person_name="", garment_name="", output_name="", pictures_deleted_at=None).update(
        pictures_deleted_at=now
    )


def forget_idempotency_keys() -> int:
    """Let go of the idempotency keys of jobs older than 24 h. Returns how many."""
    bound = ids.encode("job", ids.first_at(timezone.now() - IDEMPOTENCY_LIFETIME))
    remembered = Job.objects.filter(idempotency_key__isnull=False, id__lt=bound)
    return remembered.update(idempotency_key=None, idempotency_digest=None)
