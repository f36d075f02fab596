"""Deletes the pictures of jobs: when their time is over, or when somebody asks."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit
from accounts.webhooks import outbox
from tryon import stored_pictures, uploads
from tryon.models import Job

BATCH = 1_000
STORED = ~Q(person_name="", garment_name="", output_name="")


@dataclass(frozen=True, slots=True)
class Kept:
    """How long pictures are kept after the end of their job: its inputs in hours, its result in days."""

    input_hours: int
    output_days: int


def kept() -> Kept:
    """Return how long pictures are kept by the present settings."""
    return Kept(int(settings.RETENTION_INPUT.total_seconds() // 3600), settings.RETENTION_OUTPUT.days)


log = structlog.get_logger(__name__)


def delete_expired_pictures() -> int:
    """Delete stored pictures whose retention has ended. Returns of how many jobs."""
    now = timezone.now()
    inputs_due = ~Q(person_name="") & Q(inputs_expire_at__lte=now)
    output_due = ~Q(output_name="") & Q(output_expires_at__lte=now)
    return _delete_all(inputs_due, now) + _delete_all(output_due, now)


def delete_pictures_now(job: Job, *, actor: str) -> bool:
    """Delete all pictures of a job that has ended, with the uploads that it was made from, before their time.

    False: storage failed half-way. The sweep goes on, for their time is over from here on.
    """
    now = timezone.now()
    with transaction.atomic():
        ended = Job.objects.filter(id=job.id, completed_at__isnull=False)
        ended.update(inputs_expire_at=now, output_expires_at=now)
        outbox.forget_picture(job.id)
        audit.record(job.organisation, actor, "job.pictures_deleted", job.id)
    job.refresh_from_db()
    return _deleted(job, now) and uploads.delete_those_of(job)


def delete_all_of(organisation_id: str) -> bool:
    """Delete every picture of an organisation's jobs, which have ended. False: storage kept some; do it again."""
    now = timezone.now()
    stored = Job.objects.filter(STORED, organisation_id=organisation_id)
    stored.update(inputs_expire_at=now, output_expires_at=now)
    _delete_all(STORED & Q(organisation_id=organisation_id), now)
    return not stored.exists()


def _delete_all(due: Q, now: datetime) -> int:
    """Go through all that is due, past whatever can't be deleted: the next sweep comes back to that."""
    deleted, last_id = 0, None
    while jobs := list(Job.objects.filter(due, *([Q(id__gt=last_id)] if last_id else [])).order_by("id")[:BATCH]):
        last_id = jobs[-1].id
        deleted += sum(_deleted(job, now) for job in jobs)
    return deleted


def _deleted(job: Job, now: datetime) -> bool:
    try:
        delete_pictures(job, now)
    except Exception:
        log.exception("pictures_not_deleted", job=job.id)
        return False
    return True


def delete_pictures(job: Job, now: datetime) -> None:
    """Delete the files first and forget their names after, so that a crash in between is mended by the next sweep."""
    gone: dict[str, str] = {}
    if job.inputs_expire_at and job.inputs_expire_at <= now:
        gone |= {"person_name": job.person_name, "garment_name": job.garment_name}
    if job.output_expires_at and job.output_expires_at <= now:
        gone["output_name"] = job.output_name
    for name in gone.values():
        stored_pictures.delete(name)
    changes = dict.fromkeys(gone, "")
    row = Job.objects.filter(id=job.id)
    row.update(**changes)
    row.filter(person_name="", garment_name="", output_name="", pictures_deleted_at=None).update(
        pictures_deleted_at=now
    )
