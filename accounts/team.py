"""An organisation's people: who is invited, what each may do, who leaves.

Every decision is made under the organisation's lock and by what the acting member is then, so that two owners can't
each demote the other, and nobody acts by a role that has been taken away.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit, mails
from accounts.models import INVITATION_OPEN, Invitation, Membership, Organisation, Role, User
from accounts.organisations import lock
from zupertry.core.errors import Refusal

LIFETIME = timedelta(days=7)
BETWEEN_MAILS = timedelta(minutes=1)
MAX_INVITATIONS = 50
"""Open at a time in one organisation: a dashboard is no way to send mails to strangers."""
MANAGERS = frozenset({Role.OWNER, Role.ADMIN})


def may_give(by: str) -> list[Role]:
    """Return the roles that somebody of role `by` may give to others: only owners make owners."""
    return list(Role) if by == Role.OWNER else [role for role in Role if role != Role.OWNER]


@transaction.atomic
def invite(email: str, role: Role, *, by: Membership) -> Invitation:
    """Offer an address a place in the organisation of `by`, by a mail whose link works for 7 days.

    Raises `Refusal` (`validation_error`): the address is a member's or was invited, or 50 are invited; `forbidden`.
    """
    by = _acting(by, may_touch=[role])
    organisation, email = by.organisation, email.strip().lower()
    if organisation.memberships.filter(user__email__iexact=email).exists():
        raise _wrong("email", "This person is a member already.")
    invitations = open_invitations(organisation)
    if invitations.filter(email=email).exists():
        raise _wrong("email", "This address was invited already. Send that invitation again, or revoke it.")
    if invitations.count() >= MAX_INVITATIONS:
        raise _wrong("email", f"{MAX_INVITATIONS} invitations are open. Revoke one that is not needed any more.")
    token, now = _new_token(), timezone.now()
    invitation = organisation.invitations.create(
        email=email, role=role, digest=_digest(token), sent_at=now, expires_at=now + LIFETIME
    )
    audit.record(organisation, _actor(by), "invitation.sent", invitation.id, role=role.value)
    _mail(invitation, token)
    return invitation


@transaction.atomic
def resend(invitation: Invitation, *, by: Membership) -> None:
    """Mail a new link, which works for 7 days; the old one stops working.

    Raises `Refusal`: `validation_error` within a minute of the last mail, or when it is not open; `forbidden`.
    """
    _acting(by, may_touch=[invitation.role])
    token, now = _new_token(), timezone.now()
    due = open_invitations(by.organisation).filter(id=invitation.id, sent_at__lte=now - BETWEEN_MAILS)
    if not due.update(digest=_digest(token), sent_at=now, expires_at=now + LIFETIME):
        raise Refusal("validation_error", "It was sent within the last minute, or is not open any more.")
    audit.record(by.organisation, _actor(by), "invitation.resent", invitation.id)
    _mail(Invitation.objects.select_related("organisation").get(id=invitation.id), token)


@transaction.atomic
def revoke(invitation: Invitation, *, by: Membership) -> bool:
    """Take an invitation back. False: it was accepted or revoked before. Raises `Refusal` (`forbidden`)."""
    _acting(by, may_touch=[invitation.role])
    revoked = open_invitations(by.organisation).filter(id=invitation.id).update(revoked_at=timezone.now())
    if revoked:
        audit.record(by.organisation, _actor(by), "invitation.revoked", invitation.id)
    return bool(revoked)


def open_invitations(organisation: Organisation) -> QuerySet[Invitation]:
    """Return what was neither accepted nor revoked, expired ones too: they can be sent again."""
    return Invitation.objects.filter(INVITATION_OPEN, organisation=organisation).order_by("pk")


def find(token: str) -> Invitation | None:
    """Return the invitation whose mailed link has this token, while that works."""
    working = Invitation.objects.filter(INVITATION_OPEN, digest=_digest(token), expires_at__gt=timezone.now())
    return working.select_related("organisation").first()


@transaction.atomic
def accept(invitation: Invitation, user: User) -> Membership:
    """Make the person whom the invitation is addressed to a member.

    Raises `Refusal` (`forbidden`) when it is another address's, or does not work any more.
    """
    if user.email.lower() != invitation.email:
        raise Refusal("forbidden", f"This invitation is for {invitation.email}. Log in with that address.")
    lock(invitation.organisation)
    working = Invitation.objects.filter(INVITATION_OPEN, id=invitation.id, expires_at__gt=timezone.now())
    if not working.update(accepted_at=timezone.now()):
        raise Refusal("forbidden", "This invitation does not work any more. Ask for a new one.")
    membership, _ = Membership.objects.get_or_create(
        user=user, organisation=invitation.organisation, defaults={"role": invitation.role}
    )
    audit.record(invitation.organisation, f"user:{user.id}", "member.joined", user.id, role=membership.role)
    return membership


@transaction.atomic
def accept_as_new(invitation: Invitation, name: str, password: str) -> Membership:
    """Make an account for an address that has none, and a member of it. Raises `Refusal` as `accept` does.

    Who has the mailed link reads that address's mail, so the address counts as verified.
    """
    lock(invitation.organisation)
    if User.objects.filter(email__iexact=invitation.email).exists():
        raise Refusal("forbidden", "There is an account with this address by now. Log in to accept.")
    user = User.objects.create_user(invitation.email, password, name=name)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return accept(invitation, user)


@transaction.atomic
def change_role(member: Membership, role: Role, *, by: Membership) -> bool:
    """Give a member another role. False: it is theirs already.

    Raises `Refusal`: `forbidden`; `validation_error` for the last owner.
    """
    by = _acting(by, may_touch=[role])
    member = _theirs(member, by)
    if member.role == role:
        return False
    _keep_an_owner(member)
    before, member.role = member.role, role
    member.save()
    audit.record(by.organisation, _actor(by), "member.role_changed", member.user_id, before=before, role=role.value)
    return True


@transaction.atomic
def remove(member: Membership, *, by: Membership) -> None:
    """End somebody's membership. Their next request shows it; keys that they made stay the organisation's.

    Raises `Refusal`: `forbidden`; `validation_error` for the last owner.
    """
    by = _acting(by)
    member = _theirs(member, by)
    _keep_an_owner(member)
    member.delete()
    audit.record(by.organisation, _actor(by), "member.removed", member.user_id, role=member.role)


@transaction.atomic
def leave(member: Membership) -> None:
    """End one's own membership. Raises `Refusal` (`validation_error`) for the last owner."""
    lock(member.organisation)
    member.refresh_from_db(fields=["role"])
    _keep_an_owner(member)
    member.delete()
    audit.record(member.organisation, f"user:{member.user_id}", "member.left", member.user_id, role=member.role)


@transaction.atomic
def transfer_ownership(member: Membership, *, by: Membership) -> None:
    """Make a member the owner in one's place, and oneself an admin.

    Raises `Refusal` (`forbidden`) unless one is an owner.
    """
    by = _acting(by, may_touch=[Role.OWNER])
    member = _theirs(member, by)
    if member.pk == by.pk:
        raise Refusal("validation_error", "You own the organisation already.")
    member.role, by.role = Role.OWNER, Role.ADMIN
    member.save()
    by.save()
    audit.record(by.organisation, _actor(by), "member.ownership_transferred", member.user_id)


def is_last_owner(member: Membership) -> bool:
    """Say whether the organisation would have no owner without this member."""
    owners = Membership.objects.filter(organisation_id=member.organisation_id, role=Role.OWNER)
    return member.role == Role.OWNER and not owners.exclude(pk=member.pk).exists()


def _acting(by: Membership, *, may_touch: Iterable[str] = ()) -> Membership:
    """Lock the organisation; return the acting member as they are now. Raises `Refusal` (`forbidden`)."""
    lock(by.organisation)
    current = Membership.objects.select_related("organisation").filter(pk=by.pk, role__in=MANAGERS).first()
    if current is None:
        raise Refusal("forbidden", "You may not manage this team any more.")
    if not set(may_touch) <= set(may_give(current.role)):
        raise Refusal("forbidden", "Only owners make owners.")
    return current


def _theirs(member: Membership, by: Membership) -> Membership:
    """Return a member of the same organisation, as they are now. Raises `Refusal`: admins touch no owner."""
    current = Membership.objects.filter(pk=member.pk, organisation_id=by.organisation_id).first()
    if current is None:
        raise Refusal("forbidden", "This person is no member any more.")
    if current.role not in may_give(by.role):
        raise Refusal("forbidden", "Only owners change or remove owners.")
    return current


def _keep_an_owner(member: Membership) -> None:
    if is_last_owner(member):
        raise Refusal("validation_error", "An organisation needs an owner. Make somebody else one first.")


def _actor(by: Membership) -> str:
    return f"user:{by.user_id}"


def _wrong(field: str, message: str) -> Refusal:
    return Refusal("validation_error", message, fields={field: [message]})


def _new_token() -> str:
    return secrets.token_urlsafe(32)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _mail(invitation: Invitation, token: str) -> None:
    mails.send_to(
        invitation.email,
        invitation.organisation_id,
        "invitation",
        f"{invitation.id}:{invitation.sent_at.isoformat()}",
        secrets={"token": token},
        role=Role(invitation.role).label,
        days=LIFETIME.days,
    )
