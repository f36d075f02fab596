"""`/v1/tryon` and `/v1/jobs`."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import key_of
from accounts.models import ApiKey, Mode, Workspace
from tryon import jobs
from tryon.api.serializers import Accepted, JobDetail, JobPage, JobQuery, TryOnIn, WaitQuery
from tryon.api.waiting import wait_for_end
from tryon.models import Job
from zupertry.core import ids
from zupertry.core.api import ApiViewSet, validated
from zupertry.core.errors import Refusal
from zupertry.core.pagination import page

MAX_IDEMPOTENCY_KEY = 255


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= MAX_IDEMPOTENCY_KEY and key.isprintable()):
        message = f"It has between 1 and {MAX_IDEMPOTENCY_KEY} printable characters."
        raise Refusal("validation_error", f"Idempotency-Key: {message}", fields={"Idempotency-Key": [message]})
    return key


class TryOnViewSet(ApiViewSet):
    """Where jobs begin."""

    @extend_schema(
        summary="Submit a try-on",
        operation_id="createTryOn",
        tags=["Try-on"],
        request=TryOnIn,
        responses={202: Accepted},
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, description="Kept for 24 h.")],
    )
    def create(self, request: Request) -> Response:
        """Accept two pictures. A live key holds one credit; the same `Idempotency-Key` makes no second job."""
        key = key_of(request)
        asked = validated(TryOnIn(data=request.data, context={"mode": key.mode}))
        submission = jobs.submit(
            key.organisation,
            Mode(key.mode),
            jobs.TryOnRequest(**asked),
            actor=f"key:{key.id}",
            idempotency_key=_idempotency_key(request),
        )
        headers = {"Location": f"/v1/jobs/{submission.job.id}"}
        if submission.replayed:
            headers["Idempotent-Replayed"] = "true"
        return Response(Accepted(submission.job).data, status=202, headers=headers)


class JobViewSet(ApiViewSet):
    """What became of jobs."""

    lookup_url_kwarg = "job_id"
    lookup_value_regex = "[^/]+"

    @extend_schema(
        summary="List jobs", operation_id="listJobs", tags=["Jobs"], parameters=[JobQuery], responses=JobPage
    )
    def list(self, request: Request) -> Response:
        """Return the organisation's jobs, newest first. A test key sees only test jobs."""
        key = key_of(request)
        query = validated(JobQuery(data=request.query_params.dict()))
        found = page(_filtered(key, query), "job", limit=query["limit"], cursor=query.get("cursor"))
        if not found.rows and "workspace_id" in query:
            _check_workspace(key, query["workspace_id"])
        body = {"jobs": found.rows, "next_cursor": found.next_cursor, "has_more": found.next_cursor is not None}
        return Response(JobPage(body).data)

    @extend_schema(
        summary="Retrieve a job", operation_id="getJob", tags=["Jobs"], parameters=[WaitQuery], responses=JobDetail
    )
    def retrieve(self, request: Request, job_id: str) -> Response:
        """Return a job; with `wait`, once it has ended or the seconds are over."""
        seconds = validated(WaitQuery(data=request.query_params.dict()))["wait"]
        job = _visible(key_of(request), job_id)
        if seconds and job.status in {Job.Status.PENDING, Job.Status.PROCESSING}:
            wait_for_end(job, seconds)
            job = _visible(key_of(request), job_id)
        return Response(JobDetail(job).data)

    @extend_schema(summary="Cancel a job", operation_id="cancelJob", tags=["Jobs"], responses={200: JobDetail})
    def destroy(self, request: Request, job_id: str) -> Response:
        """Cancel a pending job and give its credit back."""
        key = key_of(request)
        jobs.cancel(_visible(key, job_id), actor=f"key:{key.id}")
        return Response(JobDetail(_visible(key, job_id)).data)


def _visible(key: ApiKey, job_id: str) -> Job:
    """Return a job that this key may see. Raises `Refusal`: `job_not_found`, `forbidden`."""
    known = Job.objects.select_related("delivery").filter(id=job_id) if ids.is_id("job", job_id) else Job.objects.none()
    job = known.first()
    if job and job.organisation_id != key.organisation_id:
        raise Refusal("forbidden", "This job belongs to another organisation. Use a key of that organisation.")
    if job is None or (key.mode == Mode.TEST and job.mode != Mode.TEST):
        raise Refusal("job_not_found", "There is no such job. GET /v1/jobs lists those that this key can see.")
    return job


def _filtered(key: ApiKey, query: dict[str, Any]) -> QuerySet[Job]:
    found = Job.objects.filter(organisation_id=key.organisation_id)
    if key.mode == Mode.TEST:
        found = found.filter(mode=Mode.TEST)
    for name in ("status", "mode", "client_reference_id"):
        if name in query:
            found = found.filter(**{name: query[name]})
    if "workspace_id" in query:
        workspace_id = query["workspace_id"]
        found = found.filter(workspace_id=workspace_id) if ids.is_id("ws", workspace_id) else found.none()
    return _within(found, query.get("created_after"), query.get("created_before"))


def _within(found: QuerySet[Job], after: datetime | None, before: datetime | None) -> QuerySet[Job]:
    """Compare whole milliseconds, which ids begin with, so that the listing's own index serves."""
    if after:
        found = found.filter(id__gte=ids.encode("job", ids.first_after(after)))
    if before:
        found = found.filter(id__lt=ids.encode("job", ids.first_at(before)))
    return found


def _check_workspace(key: ApiKey, workspace_id: str) -> None:
    own = Workspace.objects.filter(organisation_id=key.organisation_id)
    if not ids.is_id("ws", workspace_id) or not own.filter(id=workspace_id).exists():
        raise Refusal("workspace_not_found", "There is no such workspace. GET /v1/workspaces lists the active ones.")
