"""The deletion of a person's account: asked for, undone within the grace, and done when it is due."""

from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit, organisations, team
from accounts.models import INVITATION_OPEN, Invitation, Mail, Membership, Organisation, Role, User
from zupertry.core.errors import Refusal
from zupertry.data import deletion

GRACE = deletion.GRACE


def needed_by(person: User) -> list[Organisation]:
    """Return the organisations that stay, have other members, and would have no owner without this person."""
    return [organisation for organisation in _solely_owned(person) if _has_others(organisation)]


def alone_in(person: User) -> list[Organisation]:
    """Return the organisations that stay and have no member but this person: they go with the account."""
    return [organisation for organisation in _solely_owned(person) if not _has_others(organisation)]


def _solely_owned(person: User) -> list[Organisation]:
    owned = Membership.objects.filter(user=person, role=Role.OWNER, organisation__deletion_due_at=None)
    found = owned.select_related("organisation").order_by("organisation_id")
    return [membership.organisation for membership in found if team.is_last_owner(membership)]


def _has_others(organisation: Organisation) -> bool:
    return organisation.memberships.count() > 1


@transaction.atomic
def ask(person: User) -> bool:
    """Have an account deleted in 7 days, and the organisations with it that have no other member.

    False: that was asked already. Raises `Refusal` (`validation_error`): others need the person as owner, something is
    in the way of an organisation's deletion, or they are staff.
    """
    if person.is_staff:
        raise Refusal("validation_error", "This is an account of our staff. An administrator has to end that first.")
    if needed := needed_by(person):
        names = ", ".join(organisation.name for organisation in needed)
        raise Refusal("validation_error", f"You are the only owner of {names}. Make somebody else owner first.")
    for organisation in alone_in(person):
        _ask_with(person, organisation)
    living = User.objects.filter(pk=person.pk, deletion_due_at=None)
    return bool(living.update(deletion_due_at=timezone.now() + GRACE))


def _ask_with(person: User, organisation: Organisation) -> None:
    try:
        deletion.ask(organisation, by=Membership.objects.get(user=person, organisation=organisation))
    except Refusal as refusal:
        raise Refusal(refusal.code, f"{organisation.name} can't be deleted with it yet. {refusal.message}") from refusal


def undo(person: User) -> bool:
    """Keep an account after all. False: it was not to be deleted."""
    waiting = User.objects.filter(pk=person.pk, deleted_at=None).exclude(deletion_due_at=None)
    return bool(waiting.update(deletion_due_at=None))


def due(now: datetime) -> QuerySet[User]:
    """Return the accounts whose time has come. Staff's stay until they are staff no more."""
    return User.objects.filter(deletion_due_at__lte=now, deleted_at=None, is_staff=False)


@transaction.atomic
def erase(person_id: str) -> bool:
    """Leave nothing of a person but the id. False: it was undone or done, or an organisation needs them."""
    memberships = list(Membership.objects.filter(user=person_id).select_related("organisation"))
    for membership in sorted(memberships, key=lambda m: m.organisation_id):
        organisations.lock(membership.organisation)
    person = due(timezone.now()).select_for_update().filter(pk=person_id).first()
    if person is None or _solely_owned(person):
        return False
    for membership in memberships:
        membership.delete()
        audit.record(membership.organisation, f"user:{person_id}", "member.left", person_id, role=membership.role)
    _forget_logins(person)
    _forget_address(person.email)
    LogEntry.objects.filter(object_id=person_id).update(object_repr="", change_message="")
    _anonymise(person)
    return True


def _forget_logins(person: User) -> None:
    sessions = UserSession.objects.filter(user=person)
    Session.objects.filter(session_key__in=list(sessions.values_list("session_key", flat=True))).delete()
    sessions.delete()
    Authenticator.objects.filter(user=person).delete()
    EmailAddress.objects.filter(user=person).delete()


def _forget_address(address: str) -> None:
    """Blank the address where others gave it: invitations, and mails to it."""
    invitations = Invitation.objects.filter(email__iexact=address)
    invitations.filter(INVITATION_OPEN).update(revoked_at=timezone.now())
    invitations.update(email="")
    to_it = Mail.objects.filter(address__iexact=address)
    to_it.update(address="", context={}, sealed_secrets="", next_attempt_at=None)


def _anonymise(person: User) -> None:
    person.groups.clear()
    person.user_permissions.clear()
    User.objects.filter(pk=person.pk).update(
        email=f"deleted-{person.pk}@deleted.invalid",
        name="",
        password=make_password(None),
        is_active=False,
        last_login=None,
        deleted_at=timezone.now(),
    )
