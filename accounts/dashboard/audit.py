"""The audit log: what people and keys changed, newest first, and as CSV."""

import json
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.dashboard.access import MemberRequest, member_view
from accounts.dashboard.actors import KNOWN, names_of
from accounts.dashboard.audit_words import action_in_words, details_in_words, where_shown
from accounts.dashboard.listings import CSV_BATCH, csv_of, page_of
from accounts.dashboard.settings_forms import AuditFilter
from accounts.models import AuditEntry, Organisation

CSV_COLUMNS = ["id", "created_at", "action", "actor", "subject", "details"]
ACTOR = CSV_COLUMNS.index("actor")
NAMED = {"usr": "user", "key": "key"}
"""Subjects that have a name, by the prefix of their ids, and the kind of actor that they are named as."""


@require_safe
@member_view("audit")
def audit_page(request: MemberRequest) -> HttpResponseBase:
    """`GET audit`: every change, with who made it."""
    form = _filter(request)
    page = page_of(_entries(request, form), "aud", request.GET)
    filters = {name: request.GET[name] for name in form.fields if request.GET.get(name)}
    subjects = {entry.subject: _as_actor(entry.subject) for entry in page.rows}
    names = names_of(request.organisation, {*(entry.actor for entry in page.rows), *filter(None, subjects.values())})
    context = {
        "form": form,
        "page": page,
        "rows": [_in_words(request.organisation, entry, names, subjects[entry.subject]) for entry in page.rows],
        "filtered": bool(filters),
        "csv_query": urlencode(filters),
    }
    return render(request, "dashboard/audit/log.html", context)


@require_safe
@member_view("audit")
def audit_csv(request: MemberRequest) -> HttpResponseBase:
    """`GET audit.csv`: the same entries in full, sent row by row, with who is who by name."""
    entries = _entries(request, _filter(request))
    names = names_of(request.organisation, entries.order_by().values_list("actor", flat=True).distinct())
    rows = entries.order_by("-pk").values_list(*CSV_COLUMNS).iterator(chunk_size=CSV_BATCH)
    named = ((*row[:-1], names[row[ACTOR]], json.dumps(row[-1], ensure_ascii=False)) for row in rows)
    return csv_of("audit", request.organisation, [*CSV_COLUMNS[:-1], "by", CSV_COLUMNS[-1]], named)


def _in_words(organisation: Organisation, entry: AuditEntry, names: dict[str, str], subject: str) -> dict[str, Any]:
    """Return what a row shows. `subject` is whom the entry is about, as an actor; where it is nobody, it is an id."""
    name = organisation.name if entry.subject == organisation.pk else names.get(subject)
    return {
        "entry": entry,
        "words": action_in_words(entry.action),
        "by": names[entry.actor],
        "name": name,
        "page": where_shown(entry.subject),
        "details": details_in_words(entry.details, organisation.currency),
    }


def _entries(request: MemberRequest, form: AuditFilter) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(organisation=request.organisation, **form.conditions())


def _filter(request: MemberRequest) -> AuditFilter:
    organisation = request.organisation
    actions = AuditEntry.objects.filter(organisation=organisation).order_by("action").values_list("action", flat=True)
    choices = [(action, action_in_words(action)) for action in actions.distinct()]
    return AuditFilter(request.GET, actions=choices, actors=_actors(organisation))


def _actors(organisation: Organisation) -> list[tuple[str, str]]:
    """Return who may have changed something: members, keys, our staff, and the service itself."""
    people = [f"user:{user_id}" for user_id in organisation.memberships.values_list("user_id", flat=True)]
    keys = [f"key:{key_id}" for key_id in organisation.api_keys.values_list("pk", flat=True)]
    names = names_of(organisation, [*people, *keys])
    return [
        *sorted(names.items(), key=lambda item: item[1].lower()),
        ("staff", KNOWN["staff"]),
        ("system", KNOWN["system"]),
    ]


def _as_actor(subject: str) -> str:
    kind = NAMED.get(subject.partition("_")[0])
    return f"{kind}:{subject}" if kind else ""
