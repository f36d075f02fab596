"""The pages that show jobs: the listing, as a grid or a table, and each job's own."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.dashboard.access import MemberRequest, member_view
from accounts.dashboard.actors import names_of
from accounts.dashboard.listings import page_of
from accounts.dashboard.watching import look, watch
from accounts.models import DeliveryAttempt, Mode, WebhookDelivery, Workspace
from billing import ledger
from billing.models import LedgerEntry
from tryon import uploads
from tryon.dashboard.forms import JobFilter
from tryon.failures import RETRYABLE
from tryon.models import Job
from zupertry.core import ids, storage

UNFINISHED = frozenset({Job.Status.PENDING, Job.Status.PROCESSING})


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to a job. `tone` is the colour it is shown in."""

    what: str
    at: datetime
    detail: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a job's webhook; `last` is its last attempt, if there was one."""

    delivery: WebhookDelivery
    last: DeliveryAttempt | None


@require_safe
@member_view()
def listing(request: MemberRequest) -> HttpResponseBase:
    """`GET /dashboard/jobs`: the organisation's jobs, newest first; `view=table` for more facts."""
    workspaces = dict(
        Workspace.objects.filter(organisation=request.organisation).order_by("id").values_list("id", "name")
    )
    form = JobFilter(workspaces, request.GET)
    form.is_valid()  # a filter that can't be read is reported beside its field, and filters nothing
    page = page_of(Job.objects.filter(organisation=request.organisation, **form.conditions()), "job", request.GET)
    query = request.GET.copy()
    query.pop("before", None)
    as_table = query.pop("view", None) == ["table"]
    context = {
        "form": form,
        "page": page,
        "rows": [(job, workspaces.get(job.workspace_id, "")) for job in page.rows],
        "several": len(workspaces) > 1,
        "filtered": any(request.GET.get(name) for name in form.fields),
        "as_table": as_table,
        "query": query.urlencode(),
    }
    return render(request, "dashboard/jobs/listing.html", context)


@require_safe
@member_view()
def page(request: MemberRequest, job_id: str) -> HttpResponseBase:
    """`GET /dashboard/jobs/<id>`: everything there is to know about a job."""
    return render(request, "dashboard/jobs/job.html", job_context(request, job_of(request, job_id)))


@require_safe
@member_view()
def state(request: MemberRequest, job_id: str) -> HttpResponseBase:
    """`GET /dashboard/jobs/<id>/state`: the part of its page that changes until it ends."""
    return look(request, "dashboard/jobs/_job.html", job_context(request, job_of(request, job_id)))


def job_of(request: MemberRequest, job_id: str) -> Job:
    """Return the organisation's job. Raises `Http404` for any other."""
    own = Job.objects.filter(organisation=request.organisation).select_related("delivery", "workspace")
    job = own.filter(id=job_id).first() if ids.is_id("job", job_id) else None
    if job is None:
        raise Http404
    structlog.contextvars.bind_contextvars(job=job.id)
    return job


def picture_context(job: Job) -> dict[str, Any]:
    """Return what the templates that show a job's pictures need."""
    return {
        "job": job,
        "unfinished": job.status in UNFINISHED,
        "person": _shown(job, job.person_name, job.model_image_url),
        "garment": _shown(job, job.garment_name, job.garment_image_url),
        "output": job.output_name if job.status == Job.Status.COMPLETED else "",
        "retryable": job.error_code in RETRYABLE,
        "watch": watch(job.status, job.created_at) if job.status in UNFINISHED else None,
    }


def _shown(job: Job, copy_name: str, url: str) -> str:
    """Return the name of our copy of a picture; of the one that was uploaded, as long as a job waits for its copy."""
    if copy_name or job.status not in UNFINISHED:
        return copy_name
    return storage.named_by(url, at=job.created_at) or ""


def job_context(request: MemberRequest, job: Job) -> dict[str, Any]:
    """Return what a job's page shows."""
    entries = ledger.of_job(job.id)
    return picture_context(job) | {
        "timeline": _timeline(job, entries),
        "by": names_of(request.organisation, [job.actor])[job.actor],
        "told": _told(job),
        "token": secrets.token_urlsafe(12),
        "can_run_again": uploads.urls_again(job) is not None,
        "model_link": _external(job, job.model_image_url),
        "garment_link": _external(job, job.garment_image_url),
        "has_pictures": bool(job.completed_at and (job.person_name or job.garment_name or job.output_name)),
    }


def _external(job: Job, url: str) -> str:
    """Return a URL that a customer gave; empty for a link of ours."""
    return "" if storage.named_by(url, at=job.created_at) else url


def _timeline(job: Job, entries: list[LedgerEntry]) -> list[Moment]:
    credits_ = {LedgerEntry.Kind(entry.kind): entry for entry in entries}
    held = "1 credit held" if LedgerEntry.Kind.HOLD in credits_ else ""
    moments = [Moment("Submitted", job.created_at, held)]
    if job.started_at:
        again = f"attempt {job.attempt}" if job.attempt > 1 else ""
        moments.append(Moment("Processing", job.started_at, again))
    if job.completed_at:
        moments.append(_end(job, job.completed_at))
    if refund := credits_.get(LedgerEntry.Kind.REFUND):
        moments.append(Moment("Refunded", refund.created_at, "1 credit given back"))
    if job.pictures_deleted_at:
        moments.append(Moment("Pictures deleted", job.pictures_deleted_at))
    return moments


def _end(job: Job, at: datetime) -> Moment:
    live = job.mode == Mode.LIVE
    if job.status == Job.Status.CANCELLED:
        return Moment("Cancelled", at, "1 credit given back" if live else "")
    if job.status == Job.Status.FAILED:
        return Moment("Failed", at, "1 credit given back" if live else "", "bad")
    return Moment("Completed", at, "1 credit spent" if live else "", "good")


def _told(job: Job) -> Told | None:
    if job.delivery is None:
        return None
    return Told(job.delivery, job.delivery.attempts.order_by("-number").first())
