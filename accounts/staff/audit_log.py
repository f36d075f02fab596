"""The audit log as staff search it, with the reasons that customers do not see."""

import json
import re
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db import connection
from django.db.models import BooleanField, Func, Q, QuerySet, Value
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import AuditEntry
from accounts.staff.admin import ReadOnlyAdmin
from accounts.staff.filters import StateFilter
from accounts.staff.links import link_to, link_to_actor, link_to_id
from zupertry.core import ids

ACTORS = {"usr": ("user", "staff"), "key": ("key",)}
"""What a person or key is called as an actor, by the prefix of its id."""
ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
ACTOR = re.compile(r"(?:user|staff|key|system)(?::\S+)?")


class ReasonGiven(StateFilter):
    """What staff did: they alone give reasons."""

    title = "reason"
    parameter_name = "reason"
    states = {"given": ~Q(reason="")}


class AboutFilter(SimpleListFilter):
    """What was done to one thing. Its page leads to it."""

    title = "about"
    parameter_name = "about"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Return the one that is chosen, if any is."""
        del request, model_admin
        return [(chosen, chosen)] if (chosen := self.value()) else []

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        """Select the entries about it: about `job_…`, or, as `plan:growth`, about what only its kind tells apart."""
        del request
        if not (chosen := self.value()):
            return queryset
        kind, _, subject = chosen.rpartition(":")
        rows = queryset.filter(subject=subject)
        return rows.filter(action__startswith=f"{kind}.") if kind else rows


class HasWords(Func):
    """Whether a text has all these words, in any order: by the index that a migration made of the words of reasons."""

    template = "(to_tsvector('simple'::regconfig, %(expressions)s))"
    arg_joiner = ") @@ plainto_tsquery('simple'::regconfig, "
    output_field = BooleanField()


class AuditEntryAdmin(ReadOnlyAdmin):
    """Who changed what, and why."""

    list_display = ["created_at", "action", "reason", "of", "by", "about"]
    ordering = ("-pk",)
    list_filter = [ReasonGiven, AboutFilter]
    list_select_related = ["organisation"]
    search_fields = ["id", "organisation", "subject", "actor", "action", "reason"]
    search_help_text = (
        "An id (of anything: who did it or what it was done to), an actor (staff:usr_…), "
        "an action (organisation.suspended), or words of the reason."
    )
    fields = ["id", "created_at", "action", "by", "about", "of", "reason", "what"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the entries that are meant, by what was typed looks like."""
        del request
        term = search_term.strip()
        return (queryset.filter(_condition(term)) if term else queryset), False

    @admin.display(description="by")
    def by(self, entry: AuditEntry) -> SafeString:
        """Who did it."""
        return link_to_actor(entry.actor)

    @admin.display(description="about")
    def about(self, entry: AuditEntry) -> SafeString:
        """What it was done to."""
        return link_to_id(entry.subject)

    @admin.display(description="organisation")
    def of(self, entry: AuditEntry) -> SafeString:
        """Whose log it stands in."""
        return link_to(entry.organisation)

    @admin.display(description="details")
    def what(self, entry: AuditEntry) -> SafeString:
        """What changed, in full."""
        return format_html("<pre>{}</pre>", json.dumps(entry.details, indent=2, ensure_ascii=False))


def _condition(term: str) -> Q:
    if ACTION.fullmatch(term):
        return Q(action=term)
    if ACTOR.fullmatch(term):
        return Q(actor=term)
    prefix = term.partition("_")[0]
    if ids.is_id(prefix, term):
        return _about(prefix, term)
    return _with_words(term)


def _about(prefix: str, id_: str) -> Q:
    own = {"aud": Q(pk=id_), "org": Q(organisation=id_)}
    actors: Sequence[str] = [f"{kind}:{id_}" for kind in ACTORS.get(prefix, ())]
    return own.get(prefix, Q(subject=id_) | Q(actor__in=actors) if actors else Q(subject=id_))


def _with_words(term: str) -> Q:
    given = ~Q(reason="")
    if connection.vendor == "postgresql":
        return given & Q(HasWords("reason", Value(term)))
    for word in term.split():
        given &= Q(reason__icontains=word)
    return given
