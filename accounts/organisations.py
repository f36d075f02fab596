"""Making organisations and what each needs from the start."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts import audit, mails
from accounts.models import MAX_WORKSPACES, Mail, Membership, Organisation, Role, User, WebhookEndpoint, Workspace
from accounts.webhooks import signing
from zupertry.core.crypto import seal
from zupertry.core.errors import Refusal

STAFF_MESSAGE = "staff_message"
"""The kind of mail that staff write themselves."""


@transaction.atomic
def create(name: str, region: str, plan: str, owner: User, *, actor: str, country: str = "") -> Organisation:
    """Make an organisation with its owner, its webhook secret and a first workspace.

    `country` is where it says that it is (ISO 3166-1 alpha-2), if it says so; `region` is where it is billed.
    """
    organisation = Organisation.objects.create(name=name, region=region, plan=plan, country=country)
    Membership.objects.create(user=owner, organisation=organisation, role=Role.OWNER)
    WebhookEndpoint.objects.create(organisation=organisation, sealed_secret=seal(signing.generate_secret()))
    audit.record(organisation, actor, "organisation.created", organisation.id, region=region, plan=plan)
    create_workspace(organisation, "Default", actor=actor)
    return organisation


def lock(organisation: Organisation) -> None:
    """Make whoever else counts what this organisation has wait for the end of the transaction.

    Only them: rows that refer to the organisation can be written meanwhile, so that their writers, who may hold what is
    wanted here next, are in no deadlock with this.
    """
    Organisation.objects.select_for_update(no_key=True).only("pk").get(pk=organisation.pk)


@transaction.atomic
def rename(organisation: Organisation, name: str, *, actor: str) -> bool:
    """Give an organisation another name. False: it has that name already."""
    renamed = Organisation.objects.filter(pk=organisation.pk).exclude(name=name).update(name=name)
    if renamed:
        audit.record(organisation, actor, "organisation.renamed", organisation.id, name=name)
    return bool(renamed)


def check_stays(organisation: Organisation) -> None:
    """Raise `Refusal` (`validation_error`) for an organisation that is to be deleted: it buys nothing any more."""
    # Looked up now: who holds the lock must not judge by what was read before it.
    if Organisation.objects.filter(pk=organisation.pk, deletion_due_at__isnull=False).exists():
        raise Refusal(
            "validation_error", "This organisation is to be deleted, so it buys nothing. An owner can still keep it."
        )


@transaction.atomic
def create_workspace(organisation: Organisation, name: str, *, actor: str) -> Workspace:
    """Make a workspace. Raises `Refusal` (`workspace_limit_reached`) when there are 25."""
    lock(organisation)
    if organisation.workspaces.count() >= MAX_WORKSPACES:
        raise Refusal("workspace_limit_reached", f"There are {MAX_WORKSPACES} workspaces already. Use one of them.")
    workspace = organisation.workspaces.create(name=name)
    audit.record(organisation, actor, "workspace.created", workspace.id, name=name)
    return workspace


@transaction.atomic
def rename_workspace(workspace: Workspace, name: str, *, actor: str) -> bool:
    """Give a workspace another name. False: it has that name already."""
    renamed = Workspace.objects.filter(id=workspace.id).exclude(name=name).update(name=name)
    if renamed:
        audit.record(workspace.organisation, actor, "workspace.renamed", workspace.id, name=name)
    return bool(renamed)


def archive_workspace(workspace: Workspace, *, actor: str) -> bool:
    """Let a workspace take no more jobs; what is in it stays. False: it was archived already.

    The last active one may be archived too: try-ons that name no workspace are then refused (`workspace_not_found`).
    """
    return _move(workspace, Workspace.Status.ACTIVE, Workspace.Status.ARCHIVED, "workspace.archived", actor)


def restore_workspace(workspace: Workspace, *, actor: str) -> bool:
    """Let an archived workspace take jobs again. False: it was active already."""
    return _move(workspace, Workspace.Status.ARCHIVED, Workspace.Status.ACTIVE, "workspace.restored", actor)


@transaction.atomic
def _move(workspace: Workspace, before: str, after: str, action: str, actor: str) -> bool:
    moved = Workspace.objects.filter(id=workspace.id, status=before).update(status=after)
    if moved:
        audit.record(workspace.organisation, actor, action, workspace.id, name=workspace.name)
    return bool(moved)


@transaction.atomic
def suspend(organisation: Organisation, *, actor: str, reason: str) -> bool:
    """Stop an organisation's requests and the start of its jobs, which wait, and tell those who manage it.

    They are not told the `reason`, which is for staff. False: it is suspended already.
    """
    now = timezone.now()
    changed = Organisation.objects.filter(pk=organisation.pk, suspended_at=None).update(suspended_at=now)
    if changed:
        audit.record(organisation, actor, "organisation.suspended", organisation.id, reason=reason)
        _tell_of_suspension(organisation, "suspended", now)
    return bool(changed)


@transaction.atomic
def restore(organisation: Organisation, *, actor: str, reason: str) -> bool:
    """Let a suspended organisation go on, and tell those who manage it; the sweep wakes the jobs that have waited.

    False: it is not suspended.
    """
    lock(organisation)
    suspended = Organisation.objects.filter(pk=organisation.pk, suspended_at__isnull=False)
    since = suspended.values_list("suspended_at", flat=True).first()
    if since is None or not suspended.update(suspended_at=None):
        return False
    audit.record(organisation, actor, "organisation.restored", organisation.id, reason=reason)
    _tell_of_suspension(organisation, "restored", since)
    return True


def _tell_of_suspension(organisation: Organisation, kind: str, since: datetime) -> None:
    """Have owners and admins told, once for each suspension: `since` says which."""
    mails.send(organisation.id, kind, f"{organisation.id}:{since.isoformat()}", roles=[Role.OWNER, Role.ADMIN])


@transaction.atomic
def set_rate_limit(organisation: Organisation, per_minute: int, *, actor: str, reason: str) -> bool:
    """Let an organisation make so many requests a minute from the next one on. False: that is its limit already."""
    before = Organisation.objects.values_list("rate_limit_per_minute", flat=True).get(pk=organisation.pk)
    stale = Organisation.objects.filter(pk=organisation.pk, rate_limit_per_minute=before)
    changed = before != per_minute and stale.update(rate_limit_per_minute=per_minute)
    if changed:
        details = {"before": before, "after": per_minute}
        audit.record(organisation, actor, "organisation.rate_limit_changed", organisation.id, reason=reason, **details)
    return bool(changed)


@transaction.atomic
def write_to_owners(
    organisation: Organisation, reference: str, *, subject: str, text: str, reply_to: str, actor: str, reason: str
) -> bool:
    """Have the owners sent a text, which they answer to `reply_to`. False: `reference` was sent already.

    Raises `Refusal` (`validation_error`) when nobody would get it.
    """
    lock(organisation)
    if Mail.objects.filter(kind=STAFF_MESSAGE, reference=reference).exists():
        return False
    if not organisation.memberships.filter(role=Role.OWNER, user__is_active=True).exists():
        raise Refusal("validation_error", "It has no owner who can be written to.")
    message = {"subject": subject, "text": text, "reply_to": reply_to}
    mails.send(organisation.id, STAFF_MESSAGE, reference, roles=[Role.OWNER], **message)
    audit.record(organisation, actor, "organisation.owners_mailed", organisation.id, reason=reason)
    return True
