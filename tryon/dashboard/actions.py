"""What members may do to a job: cancel it, run it again, delete its pictures."""

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.dashboard.access import MemberRequest, member_view
from accounts.models import Mode
from tryon import jobs, retention, uploads
from tryon.dashboard.forms import RunAgainForm
from tryon.dashboard.jobs import job_of
from tryon.models import Job
from zupertry.core import ratelimit
from zupertry.core.errors import Refusal


@require_POST
@member_view("playground")
def cancel(request: MemberRequest, job_id: str) -> HttpResponseBase:
    """`POST jobs/<id>/cancel`: cancel it while it is pending."""
    job = job_of(request, job_id)
    try:
        jobs.cancel(job, actor=request.actor)
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, "The job is cancelled.")
    return redirect("tryon:job", job.id)


@require_POST
@member_view("playground")
def run_again(request: MemberRequest, job_id: str) -> HttpResponseBase:
    """`POST jobs/<id>/run-again`: submit the same once more, and go to the new job; once, however often it is sent."""
    job = job_of(request, job_id)
    try:
        again = _submit_again(request, job)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("tryon:job", job.id)
    messages.success(request, "This is a new job with the same pictures.")
    return redirect("tryon:job", again.id)


def _submit_again(request: MemberRequest, job: Job) -> Job:
    form = RunAgainForm(request.POST)
    if not form.is_valid():
        raise Refusal("validation_error", "The page was too old for this. Press “Run again” once more.")
    check_may_submit(request)
    urls = uploads.urls_again(job)
    if urls is None:
        raise Refusal("validation_error", "A picture that was uploaded for this job is deleted. Upload it again.")
    asked = jobs.TryOnRequest.again(job, *urls)
    return submit_once(request, Mode(job.mode), asked, key=f"again-{form.cleaned_data['token']}")


def submit_once(request: MemberRequest, mode: Mode, asked: jobs.TryOnRequest, *, key: str) -> Job:
    """Submit, once for each `key`, however often the same form is sent. Raises `Refusal`."""
    try:
        return jobs.submit(request.organisation, mode, asked, actor=request.actor, idempotency_key=key).job
    except Refusal as refusal:
        if refusal.code == "idempotency_conflict":
            raise Refusal(refusal.code, "This form was sent already; its job is in the list of jobs.") from refusal
        raise


def check_may_submit(request: MemberRequest) -> None:
    """Count a submit as the API counts its requests. Raises `Refusal` wherever an API key would be refused."""
    organisation = request.organisation
    if organisation.suspended_at:
        raise Refusal("account_suspended", "The organisation is suspended: no job can be submitted.")
    ratelimit.check(ratelimit.count(organisation.id, organisation.rate_limit_per_minute))


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("playground")
def delete_pictures(request: MemberRequest, job_id: str) -> HttpResponseBase:
    """`GET jobs/<id>/delete-pictures`: ask whether that is meant; `POST`: do it."""
    job = job_of(request, job_id)
    if not job.completed_at:
        messages.error(request, "The job has not ended yet. Its pictures can be deleted when it has.")
        return redirect("tryon:job", job.id)
    if request.method == "POST":
        if retention.delete_pictures_now(job, actor=request.actor):
            messages.success(request, "The pictures of this job are deleted.")
        else:
            messages.error(request, "The storage did not answer. What is left is deleted by itself in a few minutes.")
        return redirect("tryon:job", job.id)
    return render(request, "dashboard/jobs/delete_pictures.html", {"job": job})
