"""What a row's page shows besides its own columns: tables of what belongs to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse

if TYPE_CHECKING:  # Django's classes take type arguments in their stubs only
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


@dataclass(frozen=True, slots=True)
class Section:
    """A table under a row: its latest rows. `all_url` leads to all of them; `empty` is said when there are none."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    all_url: str = ""
    empty: str = "None."


def listing_of(model: type[Model], **query: str) -> str:
    """Return the address of a table's listing, narrowed by a query; empty where the table has no pages."""
    try:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    except NoReverseMatch:
        return ""
    return f"{address}?{urlencode(query)}"


class WithRelated(_ModelAdmin):
    """Mixed into the admin of a table whose rows' pages have sections."""

    def sections(self, row: Any) -> Sequence[Section]:
        """Return what the page of a row shows below it, in a number of queries that is the same for every row."""
        raise NotImplementedError

    def figures(self, row: Any) -> Mapping[str, Any]:
        """Return the figures that stand above everything else, by what they are called."""
        del row
        return {}

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add the sections."""
        if row := kwargs.get("obj"):
            context |= {"related": self.sections(row), "figures": self.figures(row)}
        return super().render_change_form(request, context, *args, **kwargs)
