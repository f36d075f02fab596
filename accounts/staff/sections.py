"""What a row's page shows besides its columns, or instead of them: figures, facts, and tables of what belongs to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from accounts.staff.admin import ReadOnlyAdmin

if TYPE_CHECKING:  # Django's classes take type arguments in their stubs only
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and their values."""

    title: str
    pairs: Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, the latest. `all_url` leads to all of them; `nothing` is said where there are none."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    all_url: str = ""
    nothing: str = "None."


class WithSections(_ModelAdmin):
    """Mixed into the admin of a table whose rows' pages have sections below their columns."""

    def sections(self, row: Any) -> Iterable[Facts | Table]:
        """Return what the page of a row shows, from the top, in a number of queries that is the same for every row."""
        raise NotImplementedError

    def figures(self, row: Any) -> Mapping[str, Any]:
        """Return the figures that stand above everything else, by what they are called."""
        del row
        return {}

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add the sections."""
        if row := kwargs.get("obj"):
            context |= {"sections": list(self.sections(row)), "figures": self.figures(row)}
        return super().render_change_form(request, context, *args, **kwargs)


class SectionedAdmin(WithSections, ReadOnlyAdmin):
    """A table to be seen and not changed, whose rows have pages made of sections instead of fields."""

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Show no columns by themselves."""
        del request, obj
        return []
