"""What staff see of people, keys, shelves, the audit log and mails, and what they do to help."""

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar

from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import api_keys
from accounts.models import INVITATION_OPEN, ApiKey, AuditEntry, Invitation, Mail, Membership, User, Workspace
from accounts.people import end_sessions, reset_second_factor
from accounts.staff import person_page
from accounts.staff.actions import Order, StaffAction
from accounts.staff.audit_log import AuditEntryAdmin
from accounts.staff.filters import StateFilter
from accounts.staff.finding import as_last_four
from accounts.staff.links import link_to
from accounts.staff.search import FoundById
from accounts.staff.sections import Table, WithSections
from accounts.webhooks import admin as webhooks
from zupertry.core.errors import Refusal

__all__ = ["webhooks"]  # which has admin classes of its own

admin.site.register(AuditEntry, AuditEntryAdmin)


def _reset(person: User, order: Order) -> str:
    ended = reset_second_factor(person, actor=order.actor, reason=order.reason)
    return f"The second factor is gone, {ended} session(s) ended, and a mail tells them."


def _log_out(person: User, order: Order) -> str:
    ended = end_sessions(person, actor=order.actor, reason=order.reason)
    if not ended:
        raise Refusal("validation_error", "There was no session to end.")
    return f"{ended} session(s) ended."


PERSON_ACTIONS = [
    StaffAction(
        "reset-second-factor",
        "Reset the second factor",
        "accounts.reset_second_factor",
        "Removes the authenticator app, passkeys and recovery codes, ends all sessions, and tells the person by mail. "
        "Be sure who asks for it: after this, address and password are enough to log in.",
        _reset,
        offered=lambda person: not person.is_staff and person.deleted_at is None,
    ),
    StaffAction(
        "end-sessions",
        "End sessions",
        "accounts.end_sessions",
        "Logs the person out on every device. They can log in again at once.",
        _log_out,
        offered=lambda person: person.deleted_at is None,
    ),
]


@admin.register(User)
class UserAdmin(WithSections, FoundById):
    """People."""

    list_display = ["email", "name", "code", "is_active", "is_staff", "last_login", "created_at"]
    list_filter = ["is_staff", "is_active"]
    ids_searched = {"id": "usr"}
    search_help_text = "An e-mail address or a usr_ id, in full."
    fields = [
        *("email", "name", "code", "is_active", "is_staff", "is_superuser", "last_login", "created_at"),
        *("deletion_due_at", "deleted_at"),
    ]
    csv_hidden = frozenset({"password"})
    staff_actions = PERSON_ACTIONS

    def condition(self, term: str) -> Q:
        """Take it for an address."""
        return Q(pk__in=person_page.ids_by_address(term))

    def sections(self, row: User) -> Sequence[Table]:
        """Return where they are a member, how they log in, where they are logged in, and what was done."""
        return person_page.sections_of(row)


def _revoke(key: ApiKey, order: Order) -> str:
    if not api_keys.revoke(key, actor=order.actor, reason=order.reason):
        raise Refusal("validation_error", "It was revoked already.")
    return "It is refused from now on."


@admin.register(ApiKey)
class ApiKeyAdmin(FoundById):
    """Keys, of which nobody sees more than the last four characters."""

    list_display = ["__str__", "name", "of", "mode", "status", "last_used_at", "created_at", "code"]
    list_filter = ["mode", "status"]
    list_select_related = ["organisation"]
    ids_searched = {"id": "key", "organisation": "org"}
    search_help_text = "Last four characters, a key as it is shown (zt_live_sk_…abcd), a key_ id, or an org_ id."
    fields = ["__str__", "code", "of", "name", "mode", "status", "last_used_at", "created_at", "log"]
    csv_hidden = frozenset({"digest"})
    staff_actions = [
        StaffAction(
            "revoke",
            "Revoke",
            "accounts.revoke_apikey",
            "Requests with the key are refused from now on, for ever. What was submitted with it goes on.",
            _revoke,
            many=True,
            offered=lambda key: key.status != ApiKey.Status.REVOKED,
        )
    ]

    def condition(self, term: str) -> Q:
        """Take it for a key's end."""
        return as_last_four(term) or super().condition(term)

    @admin.display(description="audit log")
    def log(self, key: ApiKey) -> SafeString:
        """What was done to the key, and with it."""
        return person_page.log_links(f"key:{key.pk}", key.pk)


@admin.register(Membership)
class MembershipAdmin(FoundById):
    """Who belongs where, as what."""

    list_display = ["person", "of", "role"]
    list_display_links = None
    list_filter = ["role"]
    list_select_related = ["user", "organisation"]
    ids_searched = {"user": "usr", "organisation": "org"}
    search_help_text = "An e-mail address, a usr_ id, or an org_ id, in full."
    fields = ["person", "of", "role"]

    def condition(self, term: str) -> Q:
        """Take it for an address."""
        return Q(user__in=person_page.ids_by_address(term))

    @admin.display(description="person")
    def person(self, membership: Membership) -> SafeString:
        """Who it is."""
        return link_to(membership.user)


class InvitationState(StateFilter):
    """Whether it is still waited for."""

    states = {"open": INVITATION_OPEN}


@admin.register(Invitation)
class InvitationAdmin(FoundById):
    """Places in organisations that were offered by mail."""

    list_display = ["code", "email", "of", "role", "sent_at", "expires_at", "accepted_at", "revoked_at"]
    list_filter = [InvitationState]
    list_select_related = ["organisation"]
    ids_searched = {"id": "inv", "organisation": "org"}
    search_help_text = "An e-mail address, an inv_ id, or an org_ id, in full."
    fields = [
        *("code", "email", "of", "role", "created_at", "sent_at", "expires_at", "accepted_at", "revoked_at"),
    ]
    csv_hidden = frozenset({"digest"})

    def condition(self, term: str) -> Q:
        """Take it for an address, which is kept in small letters."""
        return Q(email=term.lower())


@admin.register(Workspace)
class WorkspaceAdmin(WithSections, FoundById):
    """Shelves for jobs."""

    list_display = ["name", "code", "of", "status", "created_at"]
    list_filter = ["status"]
    list_select_related = ["organisation"]
    ids_searched = {"id": "ws", "organisation": "org"}
    search_help_text = "A ws_ id or an org_ id, in full."
    fields = ["name", "code", "of", "status", "created_at"]

    def sections(self, row: Workspace) -> Sequence[Table]:
        """Return what was done to it."""
        return [person_page.log_about(row.pk)]


class MailState(StateFilter):
    """What became of it."""

    states: ClassVar[Mapping[str, Q]] = {
        "waiting": Q(sent_at=None, next_attempt_at__isnull=False),
        "given-up": Q(sent_at=None, next_attempt_at=None),
    }


@admin.register(Mail)
class MailAdmin(FoundById):
    """Mails to organisations, and whether they were sent. What is secret in one is sealed, and shown to nobody."""

    list_display = ["code", "kind", "of", "to", "created_at", "sent_at", "attempts", "next_attempt_at"]
    list_filter = [MailState]
    list_select_related = ["organisation"]
    ids_searched = {"id": "eml", "organisation": "org"}
    search_help_text = "An address, a kind (receipt), what it is about (pay_…), an eml_ id, or an org_ id, in full."
    fields = [
        *("code", "kind", "of", "to", "reference", "contents", "created_at", "sent_at", "attempts", "next_attempt_at"),
    ]
    csv_hidden = frozenset({"context", "sealed_secrets"})

    def condition(self, term: str) -> Q:
        """Take it for an address, a kind, or a reference; no kind has a digit, and hardly any reference has none."""
        if "@" in term:
            return Q(address=term.lower()) & ~Q(address="")
        return Q(kind=term) if term.replace("_", "").isalpha() else Q(reference=term)

    @admin.display(description="to")
    def to(self, mail: Mail) -> str:
        """The address, or the roles that it goes to."""
        return mail.address or f"every {', '.join(mail.roles)}"

    @admin.display(description="contents")
    def contents(self, mail: Mail) -> SafeString:
        """What fills its template."""
        return format_html("<pre>{}</pre>", json.dumps(mail.context, indent=2, ensure_ascii=False))
