"""Pages of rows that are more than their columns: facts, and tables of what belongs to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from accounts.staff.admin import ReadOnlyAdmin


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and their values."""

    title: str
    pairs: Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells. `nothing` is said where there are none."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    nothing: str = "None."


class SectionedAdmin(ReadOnlyAdmin):
    """A table to be seen and not changed, whose rows have pages made of sections instead of fields."""

    change_form_template = "admin/sectioned.html"

    def sections(self, request: HttpRequest, row: Any) -> Iterable[Facts | Table]:
        """Return what the row's page shows, from the top."""
        raise NotImplementedError

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Show no columns by themselves."""
        del request, obj
        return []

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the sections."""
        context["sections"] = list(self.sections(request, kwargs["obj"]))
        return super().render_change_form(request, context, *args, **kwargs)
