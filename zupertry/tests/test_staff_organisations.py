import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from zupertry.testing.staff import make_staff, staff_client


@pytest.fixture
def staff(db) -> User:
    """A member of staff."""
    return make_staff(superuser=True)


@pytest.fixture
def client(staff) -> Client:
    return staff_client(staff)


def test_staff_move_an_organisation_to_another_plan_and_say_why(client, world, staff):
    page = f"/admin/accounts/organisation/{world.alice.org_id}/change/"
    assert '<option value="starter" selected>' in client.get(page).content.decode()
    assert client.post(page, {"plan": "scale"}).status_code == 200  # a reason is missing
    assert client.post(page, {"plan": "scale", "reason": "A contract"}).status_code == 302
    assert world.organisation.plan == "scale"
    entry = AuditEntry.objects.get(action="organisation.plan_changed")
    assert (entry.actor, entry.reason) == (f"staff:{staff.pk}", "A contract")
    assert entry.details == {"before": "starter", "after": "scale"}


def test_the_same_plan_again_changes_nothing(client, world, staff):
    page = f"/admin/accounts/organisation/{world.alice.org_id}/change/"
    client.post(page, {"plan": "starter", "reason": "A slip"})
    assert not AuditEntry.objects.filter(action="organisation.plan_changed").exists()


def test_organisations_are_listed_and_neither_added_nor_deleted(client, world, staff):
    assert client.get("/admin/accounts/organisation/").status_code == 200
    assert client.get("/admin/accounts/organisation/add/").status_code == 403
    assert client.get(f"/admin/accounts/organisation/{world.alice.org_id}/delete/").status_code == 403
