"""Making organisations and what each needs from the start."""

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import MAX_WORKSPACES, Membership, Organisation, Role, User, WebhookEndpoint, Workspace
from accounts.webhooks import signing
from zupertry.core.crypto import seal
from zupertry.core.errors import Refusal


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
    if organisation.deletion_due_at:
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
def suspend(organisation: Organisation, *, actor: str, reason: str) -> None:
    """Stop an organisation's requests and the start of its jobs. Doing it twice changes nothing."""
    changed = Organisation.objects.filter(pk=organisation.pk, suspended_at=None).update(suspended_at=timezone.now())
    if changed:
        audit.record(organisation, actor, "organisation.suspended", organisation.id, reason=reason)
