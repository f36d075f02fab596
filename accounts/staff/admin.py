"""The classes that every page of the admin is made of."""

from collections.abc import Callable, Sequence
from functools import cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import DateTimeField, Field, Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.text import capfirst

from accounts import audit
from accounts.dashboard.listings import CSV_BATCH, csv_file
from accounts.models import AuditEntry
from accounts.staff import cells
from accounts.staff.actions import MOST_ROWS, Order, ReasonForm, StaffAction, WithReason, staff_actor
from accounts.staff.filters import OrganisationFilter
from accounts.staff.finding import SearchedByPost
from accounts.staff.links import link_to, listing_of
from accounts.staff.listing import BoundedPaginator, WhenFilter
from zupertry.core import ids
from zupertry.core.errors import Refusal

if TYPE_CHECKING:  # Django's classes take type arguments in their stubs only
    _ModelAdmin = admin.ModelAdmin[Any]
    _ModelForm = forms.ModelForm[Any]
else:
    _ModelAdmin, _ModelForm = admin.ModelAdmin, forms.ModelForm


CELLS: list[tuple[Any, Callable[[Any], str]]] = [(ids.IdField, cells.code), (DateTimeField, cells.utc)]
"""How a listing shows columns of these kinds."""


class StaffAdmin(SearchedByPost):
    """What the pages of all tables share.

    What is searched for has to be one of the `search_fields` in full, so that indexes serve. `ids_searched` says which
    of them hold ids, and with which prefix. Nothing is sorted but by the table's own ordering, nor counted to its end.
    """

    ids_searched: dict[str, str] = {}
    staff_actions: Sequence[StaffAction[Any]] = ()
    csv_hidden: frozenset[str] = frozenset()
    """Columns that the CSV leaves out: secrets, and what is long."""
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    list_per_page = 50
    list_max_show_all = 50

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows that have what was typed as an id or reference, and False: none is there twice.

        What is an id of ours is looked for as that alone: one index serves, in the order of the listing.
        """
        if not (term := search_term.strip()):
            return queryset, False
        fields = list(self.get_search_fields(request))
        named = [name for name in fields if name in self.ids_searched and ids.is_id(self.ids_searched[name], term)]
        others = [name for name in fields if name not in self.ids_searched]
        return queryset.filter(reduce(or_, (Q(**{name: term}) for name in named or others), Q(pk__in=[]))), False

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Begin with the time, where ids tell it, and the organisation, where rows have one."""
        own = [WhenFilter] if isinstance(self.opts.pk, ids.IdField) else []
        whose = [OrganisationFilter] if "organisation" in {field.name for field in self.opts.concrete_fields} else []
        return [*own, *whose, *super().get_list_filter(request)]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Show ids and moments as cells, which are narrow in a listing."""
        return [self._cell(name) for name in super().get_list_display(request)]

    @cache  # noqa: B019  the admin of a table is there as long as the process
    def _cell(self, name: Any) -> Any:
        field = next((field for field in self.opts.concrete_fields if field.name == name), None)
        show = next((show for kind, show in CELLS if isinstance(field, kind)), None)
        if field is None or show is None:
            return name

        @admin.display(description=field.verbose_name)
        def cell(row: Model) -> str:
            return show(getattr(row, name))

        cell.__name__ = name
        return cell

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let nothing be deleted: what has been is kept, what is over ends."""
        del request, obj
        return False

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of actions, and the file."""
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path("csv/", self.admin_site.admin_view(self.csv_view), name=f"{name}_csv"),
            path("do/<slug:name>/", self.admin_site.admin_view(self.action_view), name=f"{name}_do"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the listing, with the way to its rows as a file."""
        address = reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_csv")
        query = request.GET.urlencode()
        title = capfirst(self.opts.verbose_name_plural)
        context = {"title": title, "csv_url": f"{address}?{query}" if query else address, **(extra_context or {})}
        return super().changelist_view(request, context)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Refuse what no filter can be: PostgreSQL has no text with a NUL in it."""
        if any("\0" in value for _, values in request.GET.lists() for value in values):
            raise IncorrectLookupParameters
        return super().get_changelist_instance(request)

    def csv_view(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the rows that the listing's filters and search select, newest first, each sent as it is read."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        columns = [field.attname for field in self._csv_fields()]
        try:
            rows = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            raise Http404 from None
        lines = rows.order_by("-pk").values_list(*columns).iterator(chunk_size=CSV_BATCH)
        audit.record(None, staff_actor(request), "staff.exported", self.opts.label_lower, query=request.GET.urlencode())
        return csv_file(str(self.opts.verbose_name_plural).replace(" ", "-"), columns, lines)

    def _csv_fields(self) -> list["Field[Any, Any]"]:
        return [field for field in self.opts.concrete_fields if field.name not in self.csv_hidden]

    def _permitted(self, request: HttpRequest) -> list[StaffAction[Any]]:
        return [action for action in self.staff_actions if request.user.has_perm(action.permission)]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer what can be done to several rows: each leads to the page that asks why."""
        own = {a.name: (self._leading_to(a), a.name, a.label) for a in self._permitted(request) if a.many}
        return {**super().get_actions(request), **own}

    def _leading_to(self, action: StaffAction[Any]) -> Callable[..., HttpResponse | None]:
        def lead(_: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
            chosen = list(queryset.values_list("pk", flat=True)[: MOST_ROWS + 1])
            if len(chosen) > MOST_ROWS:
                self.message_user(request, f"That is more than {MOST_ROWS}. Choose fewer.", messages.ERROR)
                return None
            return HttpResponseRedirect(self._address_of(action, chosen))

        return lead

    def _address_of(self, action: StaffAction[Any], chosen: Sequence[Any]) -> str:
        route = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_do"
        return f"{reverse(route, args=[action.name])}?{urlencode([('id', pk) for pk in chosen])}"

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Lead from a row's page to what can be done to it."""
        if row := kwargs.get("obj"):
            offered = [action for action in self._permitted(request) if action.offered(row)]
            context["staff_actions"] = [(action.label, self._address_of(action, [row.pk])) for action in offered]
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseRedirect:
        """Lead to what the audit log has of a row: Django's own log knows only of forms."""
        del extra_context
        if not self.has_view_permission(request):
            raise PermissionDenied
        subject = unquote(object_id)
        # Ids are unique over all tables; numbers and codes are not.
        told_apart = ids.is_id(subject.partition("_")[0], subject)
        about = subject if told_apart else f"{self.opts.model_name}:{subject}"
        return HttpResponseRedirect(listing_of(AuditEntry, about=about))

    def action_view(self, request: HttpRequest, name: str) -> HttpResponseBase:
        """Say what an action does, ask why, and do it."""
        action = next((action for action in self.staff_actions if action.name == name), None)
        if action is None:
            raise Http404
        if not (request.user.has_perm(action.permission) and self.has_view_permission(request)):
            raise PermissionDenied
        rows = self._chosen(request)
        form = action.form(request.POST or None, rows=rows)
        if request.method == "POST" and form.is_valid():
            self._perform(request, action, rows, form)
            return HttpResponseRedirect(self._back_to(rows))
        context = {
            **self.admin_site.each_context(request),
            "title": action.label,
            "opts": self.opts,
            "action": action,
            "rows": rows,
            "form": form,
            "back": self._back_to(rows),
        }
        return TemplateResponse(request, "admin/staff_action.html", context)

    def _chosen(self, request: HttpRequest) -> list[Model]:
        try:
            rows = list(self.get_queryset(request).filter(pk__in=request.GET.getlist("id")[:MOST_ROWS]))
        except (ValidationError, ValueError):
            raise Http404 from None
        if not rows:
            raise Http404
        return rows

    def _perform(self, request: HttpRequest, action: StaffAction[Any], rows: Sequence[Model], form: ReasonForm) -> None:
        fields = {name: value for name, value in form.cleaned_data.items() if name not in {"reason", "token"}}
        for row in rows:
            reference = f"staff:{form.cleaned_data['token']}:{row.pk}"
            order = Order(staff_actor(request), form.cleaned_data["reason"], reference, fields)
            try:
                messages.success(request, format_html("{}: {}", link_to(row), action.perform(row, order)))
            except Refusal as refusal:
                messages.error(request, format_html("{}: {}", link_to(row), refusal.message))

    def _back_to(self, rows: Sequence[Model]) -> str:
        route = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}"
        return reverse(f"{route}_change", args=[rows[0].pk]) if len(rows) == 1 else reverse(f"{route}_changelist")


class ReadOnlyAdmin(StaffAdmin):
    """A table to be seen whole and not changed: what it holds came of what happened."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let nobody write a row."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let nobody change one, superusers neither."""
        del request, obj
        return False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Show what the class says; else every column, and what it adds to them."""
        del request, obj
        if self.fields is not None:
            return list(self.fields)
        return [*(field.name for field in self.opts.concrete_fields), *self.readonly_fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """Show columns that no form would have, too."""
        return self.get_fields(request, obj)


class ReasonedForm(WithReason, _ModelForm):
    """A row's form that asks why."""


class ReasonedSaves(_ModelAdmin):
    """Mixed into the admin of rows that staff write: each change is in the audit log, with its reason."""

    form: type[_ModelForm] = ReasonedForm

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Ask why at the end."""
        sets = [
            (title, {**options, "fields": [name for name in options["fields"] if name != "reason"]})
            for title, options in super().get_fieldsets(request, obj)
        ]
        writes = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return [*sets, ("Why", {"fields": ["reason"]})] if writes else sets

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """Say which moment the two boxes of one are for, as Django's labels name neither."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, forms.SplitDateTimeField):
            for widget, part in zip(field.widget.widgets, ("date", "time"), strict=True):
                widget.attrs["aria-label"] = f"{field.label}: {part} (UTC)"
        return field

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save the row together with its entry in the log."""
        super().save_model(request, obj, form, change)
        self.record(request, obj, form, "changed" if change else "added")

    def record(self, request: HttpRequest, obj: Model, form: Any, what: str, **details: str) -> None:
        """Write a change of a row down: which fields changed, from what to what."""
        changed = [name for name in form.changed_data if name != "reason"]
        audit.record(
            None,
            staff_actor(request),
            f"{self.opts.model_name}.{what}",
            str(obj.pk),
            reason=form.cleaned_data["reason"],
            name=capfirst(str(obj)),
            fields=changed,
            before={name: str(form.initial.get(name, "")) for name in changed},
            after={name: str(getattr(form.cleaned_data[name], "pk", form.cleaned_data[name])) for name in changed},
            **details,
        )
