"""Making organisations and what each needs from the start."""

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import MAX_WORKSPACES, Membership, Organisation, Role, User, WebhookEndpoint, Workspace
from accounts.webhooks import signing
from zupertry.core.crypto import seal
from zupertry.core.errors import Refusal


@transaction.atomic
def create(name: str, region: str, plan: str, owner: User, *, actor: str) -> Organisation:
    """Make an organisation with its owner, its webhook secret and a first workspace."""
    organisation = Organisation.objects.create(name=name, region=region, plan=plan)
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
def create_workspace(organisation: Organisation, name: str, *, actor: str) -> Workspace:
    """Make a workspace. Raises `Refusal` (`workspace_limit_reached`) when there are 25."""
    lock(organisation)
    if organisation.workspaces.count() >= MAX_WORKSPACES:
        raise Refusal("workspace_limit_reached", f"There are {MAX_WORKSPACES} workspaces already. Use one of them.")
    workspace = organisation.workspaces.create(name=name)
    audit.record(organisation, actor, "workspace.created", workspace.id, name=name)
    return workspace


@transaction.atomic
def suspend(organisation: Organisation, *, actor: str, reason: str) -> None:
    """Stop an organisation's requests and the start of its jobs. Doing it twice changes nothing."""
    changed = Organisation.objects.filter(pk=organisation.pk, suspended_at=None).update(suspended_at=timezone.now())
    if changed:
        audit.record(organisation, actor, "organisation.suspended", organisation.id, reason=reason)
