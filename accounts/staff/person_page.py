"""A person as staff see them, and the audit log of a thing or somebody."""

from collections.abc import Sequence
from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.dashboard import sessions
from accounts.models import AuditEntry, Membership, User
from accounts.staff.links import link_to, link_to_actor, link_to_id, listing_of
from accounts.staff.sections import Table

ROWS = 10
LOG_COLUMNS = ("When", "What", "By", "Reason")


def ids_by_address(address: str) -> QuerySet[User, Any]:
    """Select the id of the person who logs in with this address, whatever its case: by the index of the constraint."""
    return User.objects.alias(lowered=Lower("email")).filter(lowered=address.lower()).values("pk")


def sections_of(person: User) -> Sequence[Table]:
    """Return the sections of a person's page."""
    return [_organisations(person), _second_factors(person), _sessions(person), log_about(person.pk), _doings(person)]


def log_about(subject: str) -> Table:
    """Return what was done to a thing or somebody."""
    entries = AuditEntry.objects.filter(subject=subject).order_by("-pk")[:ROWS]
    return Table("Done to it", LOG_COLUMNS, log_rows(entries), listing_of(AuditEntry, about=subject), "Nothing.")


def log_rows(entries: "QuerySet[AuditEntry]") -> list[Sequence[Any]]:
    """Return entries as rows of a section."""
    return [(e.created_at, link_to(e, e.action), link_to_actor(e.actor), e.reason) for e in entries]


def log_links(actor: str, subject: str) -> SafeString:
    """Return the ways to what was done to something, and by it."""
    addresses = (listing_of(AuditEntry, about=subject), listing_of(AuditEntry, q=actor))
    return format_html('<a href="{}">Done to it</a> · <a href="{}">Done by it</a>', *addresses)


def _organisations(person: User) -> Table:
    own = Membership.objects.filter(user=person).select_related("organisation").order_by("pk")
    rows = [(link_to(m.organisation), format_html("<code>{}</code>", m.organisation_id), m.role) for m in own]
    return Table("Organisations", ("Name", "Id", "Role"), rows, nothing="A member of none.")


def _second_factors(person: User) -> Table:
    own = Authenticator.objects.filter(user=person).order_by("pk")
    rows = [(factor.get_type_display(), factor.created_at, factor.last_used_at) for factor in own]
    return Table("Second factors", ("Kind", "Set up", "Last used"), rows, nothing="None: the password is enough.")


def _sessions(person: User) -> Table:
    rows = [(s.device, s.address, s.since) for s in sessions.open_sessions(person, None)]
    return Table("Sessions", ("Browser", "Address", "Logged in"), rows, nothing="Logged in nowhere.")


def _doings(person: User) -> Table:
    names = [f"user:{person.pk}", f"staff:{person.pk}"]
    entries = AuditEntry.objects.filter(Q(actor__in=names)).order_by("-pk").select_related("organisation")[:ROWS]
    columns = ("When", "What", "Organisation", "About", "Reason")
    rows = [
        (e.created_at, link_to(e, e.action), link_to(e.organisation), link_to_id(e.subject), e.reason) for e in entries
    ]
    return Table("Done by them", columns, rows, listing_of(AuditEntry, q=person.pk), "Nothing.")
