"""`/v1/tryon` and `/v1/jobs`."""

from collections.abc import Mapping
from typing import Any

import structlog
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import key_of
from accounts.models import ApiKey, Mode, Workspace
from tryon import jobs
from tryon.api.serializers import Accepted, JobDetail, JobOut, JobPage, JobQuery, TryOnIn, WaitQuery
from tryon.api.waiting import wait_for_end
from tryon.models import Job
from zupertry.core import ids
from zupertry.core.api import ApiViewSet
from zupertry.core.errors import Refusal
from zupertry.core.pagination import KeysetPagination, made_within

MAX_IDEMPOTENCY_KEY = 255
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY},
    OpenApiParameter.HEADER,
    description="Kept for 24 h, per organisation and mode; only a 202 is remembered. The same key and body give the "
    "first answer again, and no second job or charge.",
)
ACCEPTED_HEADERS = [
    OpenApiParameter("Location", str, OpenApiParameter.HEADER, response=[202], description="Path of the job."),
    OpenApiParameter(
        "Idempotent-Replayed",
        {"type": "string", "enum": ["true"]},
        OpenApiParameter.HEADER,
        response=[202],
        description="Sent when this is the first answer again.",
    ),
]
JOB_ID = OpenApiParameter("job_id", str, OpenApiParameter.PATH, pattern=ids.pattern("job"), description="The job.")
EXAMPLE = OpenApiExample(
    "A test job",
    request_only=True,
    value={
        "model_image_url": "https://test.zupertry.com/success.jpg",
        "garment_image_url": "https://test.zupertry.com/success.jpg",
        "client_reference_id": "order-1042",
        "metadata": {"sku": "shirt-7"},
    },
)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= MAX_IDEMPOTENCY_KEY and key.isprintable()):
        message = f"It has between 1 and {MAX_IDEMPOTENCY_KEY} printable characters."
        raise Refusal("validation_error", f"Idempotency-Key: {message}", fields={"Idempotency-Key": [message]})
    return key


class TryOnViewSet(mixins.CreateModelMixin, ApiViewSet):
    """Where jobs begin."""

    serializer_class = TryOnIn

    def get_serializer_context(self) -> dict[str, Any]:
        """Tell the serializer what mode the key is of."""
        return {**super().get_serializer_context(), "mode": key_of(self.request).mode}

    @extend_schema(
        summary="Submit a try-on",
        operation_id="createTryOn",
        tags=["Try-on"],
        request=TryOnIn,
        responses={202: Accepted},
        parameters=[IDEMPOTENCY_KEY, *ACCEPTED_HEADERS],
        examples=[EXAMPLE],
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Accept two pictures. A live key holds one credit; the same `Idempotency-Key` makes no second job."""
        key = key_of(request)
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        submission = jobs.submit(
            key.organisation,
            Mode(key.mode),
            jobs.TryOnRequest(**asked.validated_data),
            actor=f"key:{key.id}",
            idempotency_key=_idempotency_key(request),
        )
        headers = {"Location": f"/v1/jobs/{submission.job.id}"}
        if submission.replayed:
            headers["Idempotent-Replayed"] = "true"
        return Response(Accepted(submission.job).data, status=202, headers=headers)


class JobPages(KeysetPagination):
    """Pages of jobs."""

    prefix = "job"
    rows_name = "jobs"

    def fetch(self, rows: QuerySet[Job], request: Request) -> list[Job]:
        """Return these rows. Raises `Refusal` (`workspace_not_found`) when the filter is no workspace of the key's."""
        workspace_id = request.query_params.get("workspace_id")
        return list(rows) if workspace_id is None else _of_workspace(rows, key_of(request), workspace_id)


class JobViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, ApiViewSet):
    """What became of jobs."""

    lookup_url_kwarg = "job_id"
    lookup_value_regex = "[^/]+"
    pagination_class = JobPages

    def get_queryset(self) -> QuerySet[Job]:
        """Return the jobs that the key may list: its organisation's; a test key's only test jobs."""
        key = key_of(self.request)
        own = Job.objects.filter(organisation_id=key.organisation_id)
        return own.filter(mode=Mode.TEST) if key.mode == Mode.TEST else own

    def get_object(self) -> Job:
        """Return the job named. Raises `Refusal`: `job_not_found`, `forbidden`."""
        key, job_id = key_of(self.request), self.kwargs["job_id"]
        known = Job.objects.select_related("delivery")
        job = known.filter(id=job_id).first() if ids.is_id("job", job_id) else None
        if job and job.organisation_id != key.organisation_id:
            raise Refusal("forbidden", "This job belongs to another organisation. Use a key of that organisation.")
        if job is None or (key.mode == Mode.TEST and job.mode != Mode.TEST):
            raise Refusal("job_not_found", "There is no such job. GET /v1/jobs lists those that this key can see.")
        structlog.contextvars.bind_contextvars(job=job.id)
        return job

    def get_serializer_class(self) -> type[JobOut]:
        """Return the shorter form for listings."""
        return JobOut if self.action == "list" else JobDetail

    @extend_schema(
        summary="List jobs", operation_id="listJobs", tags=["Jobs"], parameters=[JobQuery], responses=JobPage
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return the organisation's jobs, newest first. A test key sees only test jobs."""
        return super().list(request, *args, **kwargs)

    def filter_queryset(self, queryset: Any) -> Any:
        """Return those of `queryset` that the query asks for."""
        query = JobQuery(data=self.request.query_params.dict(), context={"prefix": JobPages.prefix})
        query.is_valid(raise_exception=True)
        return _filtered(queryset, query.validated_data)

    @extend_schema(
        summary="Retrieve a job",
        operation_id="getJob",
        tags=["Jobs"],
        parameters=[JOB_ID, WaitQuery],
        responses=JobDetail,
    )
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return a job; with `wait`, once it has ended or the seconds are over."""
        query = WaitQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        if query.validated_data["wait"]:
            wait_for_end(self.get_object(), query.validated_data["wait"])
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(
        summary="Cancel a job",
        operation_id="cancelJob",
        tags=["Jobs"],
        parameters=[JOB_ID],
        responses={200: JobDetail},
    )
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Cancel a pending job and give its credit back."""
        jobs.cancel(self.get_object(), actor=f"key:{key_of(request).id}")
        return Response(self.get_serializer(self.get_object()).data)


def _filtered(found: QuerySet[Job], query: Mapping[str, Any]) -> QuerySet[Job]:
    for name in ("status", "mode", "client_reference_id"):
        if name in query:
            found = found.filter(**{name: query[name]})
    if "workspace_id" in query:
        workspace_id = query["workspace_id"]
        found = found.filter(workspace_id=workspace_id) if ids.is_id("ws", workspace_id) else found.none()
    return made_within(found, "job", query.get("created_after"), query.get("created_before"))


def _of_workspace(rows: QuerySet[Job], key: ApiKey, workspace_id: str) -> list[Job]:
    found = _beside_workspace(rows, key, workspace_id) if ids.is_id("ws", workspace_id) else []
    if not found:
        raise Refusal("workspace_not_found", "There is no such workspace. GET /v1/workspaces lists the active ones.")
    return [job for job in found if job.pk]


def _beside_workspace(rows: QuerySet[Job], key: ApiKey, workspace_id: str) -> list[Job]:
    """Return the rows or, where there are none, one without an id; nothing at all unless the workspace is the key's."""
    workspace = Workspace.objects.filter(id=workspace_id, organisation_id=key.organisation_id).values("pk")
    workspace_sql, workspace_parameters = workspace.query.sql_with_params()
    page_sql, page_parameters = rows.query.sql_with_params()
    statement = (
        f"SELECT page.* FROM ({workspace_sql}) AS workspace LEFT JOIN ({page_sql}) AS page ON TRUE "  # noqa: S608
        "ORDER BY page.id DESC"
    )
    return list(Job.objects.raw(statement, (*workspace_parameters, *page_parameters)))
