"""What an organisation has from the start, and how many workspaces it may have."""

import pytest

from accounts import organisations
from accounts.models import MAX_WORKSPACES, AuditEntry, Membership, Organisation, Region, Role, User, Workspace
from accounts.webhooks import signing
from zupertry.core.errors import Refusal


def test_a_new_organisation_has_an_owner_a_workspace_and_a_webhook_secret(db):
    owner = User.objects.create_user("dora@example.com", "dora-password")
    made = organisations.create("Dora", "IN", "starter", owner, actor="system")
    organisation = Organisation.objects.get(id=made.id)
    assert Membership.objects.get(organisation=organisation).role == Role.OWNER
    assert [workspace.status for workspace in organisation.workspaces.all()] == [Workspace.Status.ACTIVE]
    assert signing.secrets_of(organisation.webhook_endpoint).current.startswith("whsec_")
    assert organisation.rate_limit_per_minute == 60
    assert organisation.suspended_at is None


@pytest.mark.parametrize(("region", "currency"), [("IN", "INR"), ("US", "USD"), ("EU", "EUR"), ("GLOBAL", "USD")])
def test_the_region_decides_the_currency(region, currency):
    assert Organisation(region=Region(region)).currency == currency


def test_there_are_at_most_25_workspaces(world):
    for number in range(MAX_WORKSPACES - 1):
        organisations.create_workspace(world.organisation, f"Shelf {number}", actor="user:test")
    assert Workspace.objects.filter(organisation_id=world.alice.org_id).count() == 25
    with pytest.raises(Refusal) as refused:
        organisations.create_workspace(world.organisation, "one too many", actor="user:test")
    assert (refused.value.code, refused.value.status) == ("workspace_limit_reached", 429)
    organisations.create_workspace(Organisation.objects.get(id=world.charlie.org_id), "Charlie's", actor="user:test")


def test_suspending_twice_is_written_down_once(world):
    for _ in range(2):
        organisations.suspend(world.organisation, actor="staff:test", reason="unpaid")
    entry = AuditEntry.objects.get(action="organisation.suspended")
    assert entry.details == {"reason": "unpaid"}
