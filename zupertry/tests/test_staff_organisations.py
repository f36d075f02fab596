import pytest

from accounts.models import AuditEntry, User


@pytest.fixture
def staff(client, db) -> User:
    """A member of staff who is logged in."""
    user = User.objects.create_superuser("staff@example.com", "staff-password")
    client.force_login(user)
    return user


def test_staff_move_an_organisation_to_another_plan_and_say_why(client, world, staff):
    page = f"/admin/accounts/organisation/{world.alice.org_id}/change/"
    assert '<option value="starter" selected>' in client.get(page).content.decode()
    assert client.post(page, {"plan": "scale"}).status_code == 200  # a reason is missing
    assert client.post(page, {"plan": "scale", "reason": "A contract"}).status_code == 302
    assert world.organisation.plan == "scale"
    entry = AuditEntry.objects.get(action="organisation.plan_changed")
    assert (entry.actor, entry.details) == (
        f"staff:{staff.pk}",
        {"before": "starter", "after": "scale", "reason": "A contract"},
    )


def test_the_same_plan_again_changes_nothing(client, world, staff):
    page = f"/admin/accounts/organisation/{world.alice.org_id}/change/"
    client.post(page, {"plan": "starter", "reason": "A slip"})
    assert not AuditEntry.objects.filter(action="organisation.plan_changed").exists()


def test_organisations_are_listed_and_neither_added_nor_deleted(client, world, staff):
    assert client.get("/admin/accounts/organisation/").status_code == 200
    assert client.get("/admin/accounts/organisation/add/").status_code == 403
    assert client.get(f"/admin/accounts/organisation/{world.alice.org_id}/delete/").status_code == 403
