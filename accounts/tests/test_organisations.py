"""What an organisation has from the start, and how many workspaces it may have."""

import pytest
from django.core import mail as mail_box
from django.core.mail import EmailMultiAlternatives
from django.db import transaction

from accounts import mails, organisations
from accounts.models import MAX_WORKSPACES, AuditEntry, Mail, Membership, Organisation, Region, Role, User, Workspace
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
    assert (entry.reason, entry.details) == ("unpaid", {})


def test_restoring_twice_is_written_down_once(world):
    organisations.suspend(world.organisation, actor="staff:test", reason="unpaid")
    done = [organisations.restore(world.organisation, actor="staff:test", reason="paid") for _ in range(2)]
    assert done == [True, False]
    assert Organisation.objects.get(id=world.alice.org_id).suspended_at is None
    assert AuditEntry.objects.get(action="organisation.restored").reason == "paid"


def test_those_who_manage_it_are_told_of_each_suspension_and_its_end_without_the_reason(world):
    for number, role in enumerate([Role.ADMIN, Role.BILLING]):
        user = User.objects.create_user(f"{role}@example.com", "a-password")
        Membership.objects.create(user=user, organisation_id=world.alice.org_id, role=role)
        for do in (organisations.suspend, organisations.suspend, organisations.restore, organisations.restore):
            do(world.organisation, actor="staff:test", reason="suspected fraud")
        assert Mail.objects.count() == 2 * (number + 1)
    for mail in Mail.objects.order_by("pk"):
        mails.deliver(mail.id)
    assert [message.subject for message in mail_box.outbox] == ["Alice & Co is suspended", "Alice & Co is restored"] * 2
    for message in mail_box.outbox:
        assert message.to == ["alice@example.com", "admin@example.com"]
        assert isinstance(message, EmailMultiAlternatives)
        assert "fraud" not in message.body + str(message.alternatives[0][0])
        assert "owner or admin of Alice & Co" in message.body
    assert "account_suspended" in mail_box.outbox[0].body


def test_a_suspension_that_does_not_happen_is_told_to_nobody(world):
    with transaction.atomic():
        organisations.suspend(world.organisation, actor="staff:test", reason="unpaid")
        transaction.set_rollback(True)
    assert not Mail.objects.exists()


def test_a_rate_limit_is_changed_once_and_written_down(world):
    given = {"actor": "staff:test", "reason": "a launch"}
    assert [organisations.set_rate_limit(world.organisation, 600, **given) for _ in range(2)] == [True, False]
    assert Organisation.objects.get(id=world.alice.org_id).rate_limit_per_minute == 600
    entry = AuditEntry.objects.get(action="organisation.rate_limit_changed")
    assert (entry.reason, entry.details) == ("a launch", {"before": 100_000, "after": 600})


MESSAGE = {"subject": "Your <b>invoice</b>", "text": "Dear all,\n\n1 < 2", "reply_to": "sam@zupertry.test"}


def test_owners_are_written_to_once_for_a_form(world):
    given = {**MESSAGE, "actor": "staff:test", "reason": "asked"}
    assert [organisations.write_to_owners(world.organisation, "form-1", **given) for _ in range(2)] == [True, False]
    mail = Mail.objects.get(kind="staff_message")
    assert (mail.roles, mail.context) == (["owner"], MESSAGE)
    assert AuditEntry.objects.get(action="organisation.owners_mailed").reason == "asked"


def test_nobody_is_written_to_where_there_is_no_owner(world):
    world.organisation.memberships.all().delete()
    with pytest.raises(Refusal, match="no owner"):
        organisations.write_to_owners(world.organisation, "form-1", **MESSAGE, actor="staff:test", reason="")
    assert not Mail.objects.exists()


def test_what_staff_write_is_text_that_can_be_answered(world):
    organisations.write_to_owners(world.organisation, "form-1", **MESSAGE, actor="staff:test", reason="")
    mails.deliver(Mail.objects.get(kind="staff_message").id)
    (sent,) = mail_box.outbox
    assert (sent.to, sent.reply_to, sent.subject) == (["alice@example.com"], ["sam@zupertry.test"], MESSAGE["subject"])
    assert "Auto-Submitted" not in sent.extra_headers
    assert "Dear all,\n\n1 < 2" in sent.body
    assert isinstance(sent, mail_box.EmailMultiAlternatives)
    html = str(sent.alternatives[0][0])
    assert "<p>1 &lt; 2</p>" in html
    assert "<b>" not in html
