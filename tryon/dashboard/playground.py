"""The playground: two pictures in the browser, the same `jobs.submit` as the API's, and the call as code."""

import secrets
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from accounts.dashboard.access import MemberRequest, member_view
from accounts.dashboard.watching import look
from accounts.models import Mode, Workspace
from billing import ledger
from tryon import jobs, retention, uploads
from tryon.api.serializers import TryOnIn
from tryon.dashboard.actions import check_may_submit, submit_once
from tryon.dashboard.forms import ROLES, PlaygroundForm
from tryon.dashboard.jobs import job_of, picture_context
from tryon.models import Job, Upload
from tryon.pictures import MAX_BYTES, PictureError, Role
from tryon.samples import sample
from zupertry.core import storage
from zupertry.core.body_size import takes_files
from zupertry.core.code_samples import Call, Sample, request_samples
from zupertry.core.errors import Refusal

MAX_BODY_BYTES = 2 * MAX_BYTES + 65_536
TITLES: dict[str, str] = {"model": "Person", "garment": "Garment"}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A picture that is chosen: one that was uploaded, or one at a URL of the person's own."""

    upload: Upload | None = None
    url: str = ""

    @property
    def link(self) -> str:
        """The URL that a job takes."""
        return storage.own_url(self.upload.name) if self.upload else self.url


@dataclass(frozen=True, slots=True)
class Picker:
    """One of the two places where a picture is chosen, with the form's fields for it."""

    role: Role
    title: str
    file: Any
    url: Any
    sample: Any
    upload: Upload | None


@takes_files
@csrf_exempt  # checked below: only after the size of the body is Django to read it
@require_http_methods(["GET", "HEAD", "POST"])
@member_view("playground")
def page(request: MemberRequest) -> HttpResponseBase:
    """`GET /dashboard/playground`: two pictures to choose, those of `job` at first; `POST`: submit them."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY_BYTES:
        return _too_large(request)
    return _page(request)


@csrf_protect
def _page(request: MemberRequest) -> HttpResponse:
    if request.method == "POST":
        return _submit(request)
    job = job_of(request, request.GET["job"]) if "job" in request.GET else None
    return _show(request, PlaygroundForm(request.organisation, initial=_initial(job)), _chosen_for(job), job=job)


@require_safe
@member_view("playground")
def result(request: MemberRequest, job_id: str) -> HttpResponseBase:
    """`GET /dashboard/playground/<job>/result`: what became of it so far."""
    context = picture_context(job_of(request, job_id))
    # Asked for only where the part is written: most looks find nothing new.
    context["available"] = lambda: ledger.balance(request.organisation.id).available
    return look(request, "dashboard/playground/_result.html", context)


def _submit(request: MemberRequest) -> HttpResponse:
    form = PlaygroundForm(request.organisation, request.POST, request.FILES)
    chosen = _choose(request, form) if form.is_valid() else _kept(request, form)
    asked = _asked(form, chosen) if form.is_valid() else None
    if asked is None:
        return _show(request, form, chosen, status=422)
    try:
        check_may_submit(request)
        key = f"playground-{form.cleaned_data['token']}"
        job = submit_once(request, Mode(form.cleaned_data["mode"]), asked, key=key)
    except Refusal as refusal:
        return _show(request, form, chosen, refusal=refusal, status=refusal.status)
    return redirect(f"{request.path}?job={job.id}")


def _choose(request: MemberRequest, form: PlaygroundForm) -> dict[str, Chosen]:
    """Return what was chosen for each picture; where nothing usable was, the form says so."""
    chosen: dict[str, Chosen] = {}
    for role in ROLES:
        try:
            chosen[role] = _choice(request, form.cleaned_data, role)
        except PictureError as error:
            form.add_error(f"{role}_file", error.message)
        except Refusal as refusal:
            form.add_error(f"{role}_file", refusal.message)
    return chosen


def _choice(request: MemberRequest, given: dict[str, Any], role: Role) -> Chosen:
    organisation, actor = request.organisation, request.actor
    if file := given[f"{role}_file"]:
        return Chosen(uploads.upload(organisation, file.read(), role, actor=actor))
    if given[f"{role}_sample"]:
        return Chosen(uploads.keep(organisation, sample(role), actor=actor))
    if url := given[f"{role}_url"]:
        return Chosen(url=url)
    if kept := uploads.find(organisation, given[f"{role}_upload"]):
        return Chosen(kept)
    raise Refusal("validation_error", "Choose a picture.")


def _kept(request: MemberRequest, form: PlaygroundForm) -> dict[str, Chosen]:
    """Return what had been uploaded before, for a form that can't be read."""
    kept = {role: uploads.find(request.organisation, form.data.get(f"{role}_upload", "")) for role in ROLES}
    return {role: Chosen(upload) for role, upload in kept.items() if upload}


def _asked(form: PlaygroundForm, chosen: dict[str, Chosen]) -> jobs.TryOnRequest | None:
    """Return the request, checked as the API checks it; None when it is refused, and the form says why."""
    body: dict[str, str | None] = {f"{role}_image_url": chosen[role].link for role in ROLES}
    body["workspace_id"] = form.cleaned_data["workspace"] or None
    asked = TryOnIn(data=body, context={"mode": form.cleaned_data["mode"]})
    if asked.is_valid():
        return jobs.TryOnRequest(**asked.validated_data)
    for role in ROLES:
        for message in asked.errors.get(f"{role}_image_url", []):
            form.add_error(f"{role}_url", str(message))
    return None


def _initial(job: Job | None) -> dict[str, Any]:
    """Return what the form begins with: as the job before was, if there was one."""
    token = {"token": secrets.token_urlsafe(12)}
    return token | ({"mode": job.mode, "workspace": job.workspace_id} if job else {})


def _chosen_for(job: Job | None) -> dict[str, Chosen]:
    if job is None:
        return {}
    kept = uploads.of_job(job)
    urls = {"model": job.model_image_url, "garment": job.garment_image_url}
    return {
        role: Chosen(kept.get(url), "" if storage.named_by(url, at=job.created_at) else url)
        for role, url in urls.items()
    }


def _pickers(form: PlaygroundForm, chosen: dict[str, Chosen]) -> list[Picker]:
    for role, choice in chosen.items():
        form.initial[f"{role}_url"] = choice.url
    return [
        Picker(
            role,
            TITLES[role],
            form[f"{role}_file"],
            form[f"{role}_url"],
            form[f"{role}_sample"],
            chosen[role].upload if role in chosen else None,
        )
        for role in ROLES
    ]


def _show(
    request: MemberRequest,
    form: PlaygroundForm,
    chosen: dict[str, Chosen],
    *,
    job: Job | None = None,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "pickers": _pickers(form, chosen),
        "refusal": refusal,
        "kept": retention.kept(),
        "available": ledger.balance(request.organisation.id).available,
        "samples": _call(job) if job else (),
        **(picture_context(job) if job else {}),
    }
    return render(request, "dashboard/playground/page.html", context, status=status)


def _call(job: Job) -> tuple[Sample, ...]:
    """Return the job's very call as code; empty when its uploads are gone."""
    urls = uploads.urls_again(job)
    if urls is None:
        return ()
    body = dict(zip(("model_image_url", "garment_image_url"), urls, strict=True))
    first = Workspace.objects.filter(organisation_id=job.organisation_id, status=Workspace.Status.ACTIVE)
    if job.workspace_id != first.order_by("id").values_list("id", flat=True).first():
        body["workspace_id"] = job.workspace_id
    return request_samples(Call("POST", f"{settings.PUBLIC_URL}/v1/tryon", idempotent=True, body=body))


def _too_large(request: MemberRequest) -> HttpResponse:
    """Answer without reading the body."""
    form = PlaygroundForm(request.organisation, initial=_initial(None))
    refusal = Refusal("payload_too_large", "The two pictures have more than 20 MB. Send smaller ones.")
    return _show(request, form, {}, refusal=refusal, status=refusal.status)
