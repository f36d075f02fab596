"""Listings that are searched by ids, and by one thing more."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.staff import cells
from accounts.staff.admin import ReadOnlyAdmin
from accounts.staff.links import link_to
from zupertry.core import ids


class FoundById(ReadOnlyAdmin):
    """A table that is searched by one condition at a time: which one, the form of what was typed says."""

    ordering = ("-pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows whose id it is, or what else `condition` takes it for."""
        del request
        if not (term := search_term.strip()):
            return queryset, False
        for name, prefix in self.ids_searched.items():
            if ids.is_id(prefix, term):
                return queryset.filter(**{name: term}), False
        return queryset.filter(self.condition(term)), False

    def condition(self, term: str) -> Q:
        """Return what rows have to fulfil that are meant by what is no id; by itself that is none."""
        del term
        return Q(pk__in=[])

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Offer the search where something can be found."""
        del request
        return list(self.ids_searched)

    @admin.display(description="organisation")
    def of(self, row: Any) -> SafeString:
        """Whose it is."""
        return link_to(row.organisation)

    @admin.display(description="id")
    def code(self, row: Model) -> str:
        """The id."""
        return cells.code(row.pk)
