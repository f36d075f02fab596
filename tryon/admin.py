"""What staff see of jobs and uploads, and do to jobs."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse

from accounts.staff import cells
from accounts.staff.actions import staff_actor
from accounts.staff.links import link_to, link_to_actor
from accounts.staff.sections import Facts, SectionedAdmin, Table
from tryon.failures import MESSAGES
from tryon.models import Job, Upload
from tryon.staff import actions, pages, pictures
from tryon.staff.pictures import Shown


class ErrorCodeFilter(admin.SimpleListFilter):
    """Why jobs failed."""

    title = "error code"
    parameter_name = "error_code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return every code that there is; which of them occur would have to be looked for."""
        del request, model_admin
        return [(code, code) for code in MESSAGES]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        """Select the jobs that failed so."""
        del request
        return queryset.filter(error_code=self.value()) if self.value() in MESSAGES else queryset


class PicturedAdmin(SectionedAdmin):
    """Rows with pictures in storage, which staff see by way of an address of their own: no link lets others in."""

    change_form_template = "admin/pictured.html"

    def shown(self, row: Any) -> list[Shown]:
        """Return a row's pictures."""
        raise NotImplementedError

    @property
    def _route(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_picture"

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of pictures."""
        view = self.admin_site.admin_view(self.picture_view)
        return [path("<str:row_id>/pictures/<slug:which>/", view, name=self._route), *super().get_urls()]

    def picture_view(self, request: HttpRequest, row_id: str, which: str) -> HttpResponseBase:
        """Answer with a picture, which no browser keeps; with its small copy for `?size=small`."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row: Any = self.get_object(request, row_id)
        names = {each.which: each.name for each in self.shown(row)} if row else {}
        if not (name := names.get(which)):
            raise Http404
        pictures.note_view(row, staff_actor(request))
        return pictures.show(name, small=request.GET.get("size") == "small")

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the pictures first."""
        row = kwargs["obj"]
        shown = self.shown(row)
        context["pictures_shown"] = any(each.name for each in shown)
        if context["pictures_shown"]:
            pictures.note_view(row, staff_actor(request))
        route = f"{self.admin_site.name}:{self._route}"
        context["pictures"] = [(each, reverse(route, args=[row.pk, each.which])) for each in shown]
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(Job)
class JobAdmin(PicturedAdmin):
    """Jobs, newest first."""

    list_display = ["job", "state", "age", "of_organisation", "error_code", "duration", "attempt", "of_mode"]
    list_filter = ["status", "mode", ErrorCodeFilter]
    ordering = ["-pk"]
    search_fields = [
        "id",
        "organisation",
        "request_id",
        "client_reference_id",
        "engine_request_id",
        "idempotency_key",
    ]
    ids_searched = {"id": "job", "organisation": "org"}
    search_help_text = (
        "Id of a job or an organisation, of a request (ours or the engine's), the customer's reference or "
        "Idempotency-Key (kept for 24 h), in full."
    )
    csv_hidden = frozenset(
        {
            *("model_image_url", "garment_image_url", "webhook_url", "metadata", "error_detail"),
            *("idempotency_key", "idempotency_digest", "person_name", "garment_name", "output_name"),
        }
    )
    staff_actions = actions.ACTIONS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Return jobs with whose they are, which every page and action needs."""
        rows: QuerySet[Job] = super().get_queryset(request)
        return rows.select_related("organisation")

    def sections(self, row: Job) -> Iterator[Facts | Table]:
        """Return what is known of a job."""
        return pages.job_sections(row)

    def shown(self, row: Job) -> list[Shown]:
        """Return inputs and output."""
        return pictures.pictures_of(row)

    @admin.display(description="job")
    def job(self, job: Job) -> str:
        """The id."""
        return cells.code(job.id)

    @admin.display(description="status")
    def state(self, job: Job) -> str:
        """The status, in its colour."""
        return cells.state(job.status)

    @admin.display(description="mode")
    def of_mode(self, job: Job) -> str:
        """The mode, in its colour."""
        return cells.state(job.mode)

    @admin.display(description="organisation")
    def of_organisation(self, job: Job) -> str:
        """Whose it is."""
        return link_to(job.organisation)

    @admin.display
    def age(self, job: Job) -> str:
        """How long ago it was submitted."""
        return cells.age(job.created_at)

    @admin.display(description="duration")
    def duration(self, job: Job) -> str:
        """How long it was worked on."""
        return cells.milliseconds(job.duration_ms)


@admin.register(Upload)
class UploadAdmin(PicturedAdmin):
    """Pictures that people uploaded in the dashboard: kept for a day."""

    list_display = ["upload", "of_organisation", "by", "bytes", "age"]
    list_select_related = ["organisation"]
    ordering = ["-pk"]
    search_fields = ["id", "organisation"]
    ids_searched = {"id": "upl", "organisation": "org"}
    search_help_text = "Id of an upload or an organisation, in full."
    csv_hidden = frozenset({"name"})

    def sections(self, row: Upload) -> Iterator[Facts | Table]:
        """Return what is known of an upload."""
        yield pages.upload_facts(row)

    def shown(self, row: Upload) -> list[Shown]:
        """Return the one picture."""
        return [Shown("upload", "Upload", row.name)]

    @admin.display(description="upload")
    def upload(self, upload: Upload) -> str:
        """The id."""
        return cells.code(upload.id)

    @admin.display(description="organisation")
    def of_organisation(self, upload: Upload) -> str:
        """Whose it is."""
        return link_to(upload.organisation)

    @admin.display
    def by(self, upload: Upload) -> str:
        """Who uploaded it."""
        return link_to_actor(upload.actor)

    @admin.display
    def bytes(self, upload: Upload) -> str:
        """Its size."""
        return f"{upload.size:,}"

    @admin.display
    def age(self, upload: Upload) -> str:
        """How long ago it was uploaded."""
        return cells.age(upload.created_at)
