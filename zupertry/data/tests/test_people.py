"""The deletion of a person's account."""

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts import team
from accounts.models import AuditEntry, Invitation, Membership, Organisation, Role, User
from zupertry.core.errors import Refusal
from zupertry.data import people, sweeping
from zupertry.data.tests.conftest import browser, let_grace_end, membership, person
from zupertry.testing.page import parse

DELETE, PROFILE = reverse("delete-account"), reverse("profile")


def confirmed(name: str) -> Client:
    client = browser(name)
    client.post("/confirm", {"password": f"{name}-password"})
    return client


def test_who_leaves_nobody_behind_types_the_address_is_told_and_goes(alice):
    bob, client = person("bob"), confirmed("bob")
    Invitation.objects.create(
        organisation=alice,
        email=bob.email,
        role=Role.VIEWER,
        digest=b"1",
        sent_at=bob.created_at,
        expires_at=bob.created_at,
    )
    assert client.post(DELETE, {"name": "bob"}).status_code == 422

    assert client.post(DELETE, {"name": bob.email})["Location"] == PROFILE

    assert [message.to for message in mail.outbox] == [[bob.email]]
    assert "delete your account" in mail.outbox[0].subject
    assert "Your account will be deleted on" in parse(client.get("/dashboard/").content.decode()).text
    let_grace_end()
    assert sweeping.sweep()["people_deleted"] == 1
    gone = User.objects.get(pk=bob.pk)
    assert (gone.email, gone.name, gone.is_active) == (f"deleted-{bob.pk}@deleted.invalid", "", False)
    assert client.get("/dashboard/")["Location"].startswith("/login")
    assert not EmailAddress.objects.filter(email=bob.email).exists()
    assert not Invitation.objects.filter(email=bob.email).exists()
    assert AuditEntry.objects.get(organisation=alice, action="member.left").actor == f"user:{bob.pk}"
    assert alice.memberships.count() == 1
    assert sweeping.sweep()["people_deleted"] == 0


def test_who_logs_in_again_keeps_it(alice):
    people.ask(person("bob"))
    assert not people.ask(person("bob")), "asked twice it is due as before"
    browser("bob").post(reverse("keep-account"))
    let_grace_end()
    assert sweeping.sweep()["people_deleted"] == 0
    assert person("bob").deletion_due_at is None


def test_the_only_owner_of_others_has_to_hand_over_first(alice):
    client = confirmed("alice")
    html = parse(client.get(DELETE).content.decode())
    assert "you are the only owner of Alice & Co" in html.text
    assert client.post(DELETE, {"name": "alice@example.com"}).status_code == 422
    assert person("alice").deletion_due_at is None

    team.transfer_ownership(membership("bob", alice), by=membership("alice", alice))

    assert client.post(DELETE, {"name": "alice@example.com"}).status_code == 302


def test_an_organisation_without_other_members_goes_with_its_owner(charlies):
    client = confirmed("charlie")
    assert "Charlie Ltd goes with it" in " ".join(parse(client.get(DELETE).content.decode()).text.split())

    client.post(DELETE, {"name": "charlie@example.com"})

    charlies.refresh_from_db()
    assert charlies.deletion_due_at is not None
    let_grace_end()
    assert sweeping.sweep()["people_deleted"] == 1
    assert Organisation.objects.get(pk=charlies.pk).closed_at is not None
    assert charlies.memberships.count() == 0


def test_what_keeps_the_organisation_keeps_the_account(charlies):
    Organisation.objects.filter(pk=charlies.pk).update(suspended_at=charlies.created_at)
    with pytest.raises(Refusal, match="Charlie Ltd can't be deleted with it yet"):
        people.ask(person("charlie"))
    assert person("charlie").deletion_due_at is None


def test_who_became_the_only_owner_meanwhile_waits(alice):
    Membership.objects.filter(user=person("bob")).update(role=Role.OWNER)
    people.ask(person("alice"))
    people.ask(person("bob"))
    let_grace_end()
    assert sweeping.sweep()["people_deleted"] == 1
    assert sweeping.sweep()["people_deleted"] == 0
    assert alice.memberships.get().role == Role.OWNER


def test_staff_are_no_customers(alice):
    User.objects.filter(email="bob@example.com").update(is_staff=True)
    with pytest.raises(Refusal, match="our staff"):
        people.ask(person("bob"))
