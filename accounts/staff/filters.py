"""Filters of listings whose choices cost no look through the table."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.models import Organisation
from zupertry.core import ids


class OrganisationFilter(SimpleListFilter):
    """One organisation's rows. Links lead to it: there are too many organisations to choose from."""

    title = "organisation"
    parameter_name = "organisation"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Return the one that is chosen, if any is."""
        del request, model_admin
        chosen = self.value() or ""
        if not ids.is_id("org", chosen):
            return [(chosen, "none")] if chosen else []
        return [(pk, name) for pk, name in Organisation.objects.filter(pk=chosen).values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        """Select its rows. What is no id is told as a filter that can't be."""
        del request
        if not (chosen := self.value()):
            return queryset
        if not ids.is_id("org", chosen):
            raise IncorrectLookupParameters
        return queryset.filter(organisation=chosen)


class StateFilter(SimpleListFilter):
    """States that no column holds by itself: each is a condition, by what it is called."""

    title = "state"
    parameter_name = "state"
    states: ClassVar[Mapping[str, Q]] = {}

    @classmethod
    def conditions(cls) -> Mapping[str, Q]:
        """Return the states, where they depend on what time it is as they are now."""
        return cls.states

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Return the states."""
        del request, model_admin
        return [(state, state.replace("-", " ").capitalize()) for state in self.conditions()]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        """Select what is in the chosen state."""
        del request
        condition = self.conditions().get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)
