"""Pictures that people upload in the dashboard: checked and made plain at once, kept for a day.

A job takes an upload by a link of ours, like any URL, and makes its own copy.
"""

from datetime import datetime, timedelta

import structlog
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from accounts.models import Organisation
from tryon import stored_pictures
from tryon.engines.base import Picture
from tryon.models import Job, Upload
from tryon.pictures import MAX_BYTES, PictureError, Role, normalise
from zupertry.core import ids, storage
from zupertry.core.errors import Refusal

LIFETIME = timedelta(days=1)
MAX_KEPT_BYTES = 500 * 1024 * 1024
"""Of one organisation, so that nobody fills the storage."""

log = structlog.get_logger(__name__)


def upload(organisation: Organisation, data: bytes, role: Role, *, actor: str) -> Upload:
    """Check the picture as a downloaded one is checked, and keep it. Raises `PictureError`, `Refusal`."""
    picture = normalise(data, role)
    if len(picture.data) > MAX_BYTES:
        raise PictureError("image_too_large", f"The {role} image is too large as a PNG. Send it as a JPEG.")
    return keep(organisation, picture, actor=actor)


def keep(organisation: Organisation, picture: Picture, *, actor: str) -> Upload:
    """Keep a plain picture for a day. Raises `Refusal` when the organisation has uploaded too much in this day."""
    kept = Upload.objects.filter(organisation=organisation).aggregate(total=Sum("size"))["total"] or 0
    if kept + len(picture.data) > MAX_KEPT_BYTES:
        message = "Too many pictures were uploaded in the last 24 hours. Send URLs instead, or go on tomorrow."
        raise Refusal("rate_limit_exceeded", message)
    name = storage.new_name(picture.content_type)
    # The row comes first, so that no file is ever forgotten.
    made = Upload.objects.create(organisation=organisation, actor=actor, name=name, size=len(picture.data))
    stored_pictures.write(name, picture.data)
    return made


def find(organisation: Organisation, upload_id: str) -> Upload | None:
    """Return an upload of the organisation's; None for anything else."""
    if not ids.is_id("upl", upload_id):
        return None
    return Upload.objects.filter(organisation=organisation, id=upload_id).first()


def of_job(job: Job) -> dict[str, Upload]:
    """Return the uploads that a job was made from and that are still kept, by the URLs that it has for them."""
    names = {url: storage.named_by(url, at=job.created_at) for url in (job.model_image_url, job.garment_image_url)}
    own = Upload.objects.filter(organisation_id=job.organisation_id, name__in=filter(None, names.values()))
    kept = {upload.name: upload for upload in own}
    return {url: kept[name] for url, name in names.items() if name in kept}


def urls_again(job: Job) -> tuple[str, str] | None:
    """Return where the same two pictures can be had now; None when one was uploaded and is deleted."""
    kept = of_job(job)
    model = _url_again(job, kept, job.model_image_url, job.person_name)
    garment = _url_again(job, kept, job.garment_image_url, job.garment_name)
    return (model, garment) if model and garment else None


def urls_of_copies(job: Job, at: datetime) -> tuple[str, str] | None:
    """Return where the same two pictures can be had at that moment, first of all the copies that were made of them.

    A customer's own link may have expired since. None as for `urls_again`.
    """
    urls = urls_again(job)
    if urls and job.inputs_expire_at and job.inputs_expire_at > at and job.person_name and job.garment_name:
        return storage.own_url(job.person_name), storage.own_url(job.garment_name)
    return urls


def _url_again(job: Job, kept: dict[str, Upload], url: str, copy_name: str) -> str:
    if storage.named_by(url, at=job.created_at) is None:
        return url
    name = kept[url].name if url in kept else copy_name
    return storage.own_url(name) if name else ""


def delete_those_of(job: Job) -> bool:
    """Delete the uploads of a job's organisation that it was made from, unless another job still needs them.

    False: storage kept some, which the sweep comes back to.
    """
    names = [upload.name for upload in of_job(job).values()]
    unneeded = _unneeded().filter(organisation_id=job.organisation_id, name__in=names)
    _delete(unneeded.all())
    return not unneeded.exists()


def delete_all_of(organisation_id: str) -> bool:
    """Delete every upload of an organisation's, whose jobs have ended. False: storage kept some; do it again."""
    own = Upload.objects.filter(organisation_id=organisation_id)
    _delete(own.all())
    return not own.exists()


def sweep() -> int:
    """Delete uploads that are older than a day, but for those that an unfinished job needs. Returns how many."""
    return _delete(_unneeded().filter(id__lt=_first_kept(timezone.now())))


def _first_kept(now: datetime) -> str:
    return ids.encode("upl", ids.first_at(now - LIFETIME))


def _unneeded() -> "QuerySet[Upload]":
    by_url = Q(model_image_url__contains=OuterRef("name")) | Q(garment_image_url__contains=OuterRef("name"))
    unfinished = Job.objects.filter(
        by_url, organisation=OuterRef("organisation"), status__in=[Job.Status.PENDING, Job.Status.PROCESSING]
    )
    return Upload.objects.filter(~Exists(unfinished))


def _delete(uploads: "QuerySet[Upload]") -> int:
    """Delete each file before its row; past what can't be deleted, to which the next sweep comes back."""
    return sum(_deleted(upload) for upload in list(uploads))


def _deleted(upload: Upload) -> bool:
    try:
        stored_pictures.delete(upload.name)
    except Exception:
        log.exception("upload_not_deleted", upload=upload.id)
        return False
    upload.delete()
    return True
