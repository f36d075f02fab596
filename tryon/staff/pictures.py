"""Pictures for staff: shown while they are kept, to those who may see jobs, and each look is in the audit log."""

from dataclasses import dataclass
from datetime import datetime

from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEntry
from tryon.models import Job, Upload
from tryon.stored_pictures import thumbnail_name
from zupertry.core import ids
from zupertry.core.storage import response_with


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture's place on a job's page. `name` is empty where there is none to see; `instead` says why."""

    which: str
    title: str
    name: str
    instead: str = ""
    kept_until: datetime | None = None


def pictures_of(job: Job) -> list[Shown]:
    """Return what can be seen of a job now, in the order in which it came to be."""
    inputs, output = job.inputs_expire_at, job.output_expires_at
    return [
        _shown(job, "person", "Person", job.person_name, inputs),
        _shown(job, "garment", "Garment", job.garment_name, inputs),
        _shown(job, "output", "Output", job.output_name, output),
    ]


def _shown(job: Job, which: str, title: str, name: str, expires_at: datetime | None) -> Shown:
    over = expires_at is not None and expires_at <= timezone.now()
    if name and not over:
        return Shown(which, title, name, "", expires_at)
    made = job.status in {Job.Status.COMPLETED, Job.Status.REFUNDED} or (which != "output" and over)
    if job.completed_at is None:
        return Shown(which, title, "", "not there yet")
    return Shown(which, title, "", "deleted" if made else "none")


def note_view(row: Job | Upload, actor: str) -> None:
    """Write down, for the customer too, that somebody sees pictures: once a day for each row and member of staff."""
    action = f"{row._meta.model_name}.pictures_viewed"
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    seen = AuditEntry.objects.filter(
        subject=row.id, actor=actor, action=action, pk__gte=ids.encode("aud", ids.first_at(today))
    )
    if not seen.exists():
        audit.record(row.organisation, actor, action, row.id)


def show(name: str, *, small: bool) -> HttpResponseBase:
    """Answer with a stored picture, or the small copy of it. Raises `Http404` when it is gone."""
    return response_with(thumbnail_name(name) if small else name)
