"""The deletion of an organisation: asked for, undone within the grace, and done when it is due.

When it is due, its doors close at once. What was let in before may still be under way, so everything personal is
erased a few minutes later. Each part may be interrupted, and run again or twice at once: the sweep comes back until it
is done.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit, mails, organisations
from accounts.models import ApiKey, Invitation, Membership, Organisation, Role
from billing import auto_reload, cancelling, ledger
from billing.models import Payment
from zupertry.core.errors import Refusal
from zupertry.core.support import at_support
from zupertry.data import erasing

GRACE = timedelta(days=7)
SETTLING = timedelta(minutes=5)
"""From the closing to the erasing: longer than any request, delivery or mail that was under way."""


def obstacles(organisation: Organisation) -> list[str]:
    """Return why an organisation can't be deleted now, as sentences; none: it can."""
    found = []
    if organisation.suspended_at:
        found.append(f"The organisation is suspended. Write to us{at_support()}: our staff settle that first.")
    if cancelling.is_under_way(organisation):
        found.append(cancelling.UNDER_WAY)
    if Payment.objects.filter(organisation=organisation, status=Payment.Status.QUARANTINED).exists():
        found.append(f"A payment waits for our staff, who may owe you money. Write to us{at_support()}.")
    if (owed := -ledger.balance(organisation.id).available) > 0:
        found.append(f"{owed} credit{'s are' if owed > 1 else ' is'} owed. Buy credits to settle that first.")
    return found


@transaction.atomic
def ask(organisation: Organisation, *, by: Membership) -> bool:
    """Have an organisation deleted in 7 days, and tell its owners. False: somebody has asked already.

    Raises `Refusal`: `forbidden` unless one is an owner, `validation_error` while something is in the way.
    """
    _check_owner(by)
    if found := obstacles(organisation):
        raise Refusal("validation_error", " ".join(found))
    due, actor = timezone.now() + GRACE, f"user:{by.user_id}"
    living = Organisation.objects.filter(pk=organisation.pk, deletion_due_at=None)
    if not living.update(deletion_due_at=due):
        return False
    auto_reload.switch_off(organisation, actor=actor)
    due_at = f"{due:%Y-%m-%d %H:%M} UTC"
    audit.record(organisation, actor, "organisation.deletion_asked", organisation.id, due_at=due_at)
    _tell_owners(organisation, "deletion_asked", due, due=f"{due:%-d %B %Y, %H:%M} UTC", days=GRACE.days)
    return True


@transaction.atomic
def undo(organisation: Organisation, *, by: Membership) -> bool:
    """Keep an organisation after all, and tell its owners. False: it is not to be deleted, or is being deleted by now.

    Raises `Refusal` (`forbidden`) unless one is an owner.
    """
    _check_owner(by)
    waiting = Organisation.objects.filter(pk=organisation.pk, deletion_due_at__gt=timezone.now())
    due = waiting.values_list("deletion_due_at", flat=True).first()
    if due is None or not waiting.update(deletion_due_at=None):
        return False
    audit.record(organisation, f"user:{by.user_id}", "organisation.deletion_undone", organisation.id)
    _tell_owners(organisation, "deletion_undone", due)
    return True


def _tell_owners(organisation: Organisation, kind: str, due_at: datetime, **context: str | int) -> None:
    """Have the owners told, once for each deletion: `due_at` says which."""
    mails.send(organisation.id, kind, f"{organisation.id}:{due_at.isoformat()}", roles=[Role.OWNER], **context)


def go_on(organisation_id: str) -> bool:
    """Do what can be done now of a deletion that is due. Returns whether that was the rest of it."""
    closed_at = _close(organisation_id)
    if closed_at is None:
        return False
    erasing.stop_work(organisation_id)
    if closed_at > timezone.now() - SETTLING or not erasing.is_quiet(organisation_id):
        return False
    if not erasing.erase(organisation_id):
        return False
    return _finish(organisation_id)


@transaction.atomic
def _close(organisation_id: str) -> datetime | None:
    """Let nobody in any more, person or key. Returns since when that is so; None: it was undone at the last moment."""
    organisation = Organisation(pk=organisation_id)
    organisations.lock(organisation)
    now = timezone.now()
    due = Organisation.objects.filter(pk=organisation_id, deletion_due_at__lte=now)
    if due.filter(closed_at=None).update(closed_at=now):
        ApiKey.objects.filter(organisation=organisation).update(status=ApiKey.Status.REVOKED)
        Invitation.objects.filter(organisation=organisation).delete()
        Membership.objects.filter(organisation=organisation).delete()
        auto_reload.switch_off(organisation, actor="system")
        audit.record(organisation, "system", "organisation.closed", organisation_id)
    return due.values_list("closed_at", flat=True).first()


@transaction.atomic
def _finish(organisation_id: str) -> bool:
    now = timezone.now()
    left = Organisation.objects.filter(pk=organisation_id, deleted_at=None)
    if not left.update(name=erasing.NAME, deleted_at=now):
        return False
    audit.record(Organisation(pk=organisation_id), "system", "organisation.deleted", organisation_id)
    return True


def _check_owner(by: Membership) -> None:
    """Lock the organisation, and raise `Refusal` (`forbidden`) unless the member is an owner of it then."""
    organisations.lock(by.organisation)
    if not Membership.objects.filter(pk=by.pk, role=Role.OWNER).exists():
        raise Refusal("forbidden", "Only an owner decides about the deletion of an organisation.")
