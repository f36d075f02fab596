"""The pages of the team: roles, removal, the last owner."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Invitation, Membership, Organisation, Role, User
from accounts.team import LIFETIME, MAX_INVITATIONS
from zupertry.testing.page import Element, parse

TEAM, LEAVE = reverse("team:team"), reverse("leave")


def page(answer, status=200) -> Element:
    assert answer.status_code == status
    return parse(answer.content.decode())


def person(name: str) -> User:
    return User.objects.get(email=f"{name}@example.com")


def role_of(name: str, organisation) -> str | None:
    return (
        Membership.objects.filter(user=person(name), organisation=organisation).values_list("role", flat=True).first()
    )


def post(client, what: str, name: str, **data: str) -> str:
    return page(client.post(reverse(f"team:{what}", args=[person(name).id]), data, follow=True)).text


def newest(action: str) -> AuditEntry:
    return AuditEntry.objects.filter(action=action).order_by("-pk")[0]


def test_everybody_is_listed_with_their_role(owner):
    items = [" ".join(item.text.split()) for item in page(owner.get(TEAM)).all("li", class_="item")]
    assert items[0].startswith("A alice@example.com Owner You Leave")
    assert items[1].startswith("B bob@example.com Developer Change")


@pytest.mark.parametrize("role", list(Role))
def test_an_owner_gives_every_role(owner, alice, role):
    text = post(owner, "member", "bob", role=role)
    assert f"bob@example.com is {role.label.lower()} now" in text
    assert role_of("bob", alice) == role
    if role != Role.DEVELOPER:
        entry = newest("member.role_changed")
        assert (entry.subject, entry.details) == (person("bob").id, {"before": "developer", "role": role})


def test_an_admin_makes_no_owner_and_touches_none(admin, alice):
    answer = admin.post(reverse("team:member", args=[person("bob").id]), {"role": "owner"})
    assert page(answer, 422).by_id("id_role_error").text
    assert "Only owners change" in post(admin, "member", "alice", role="viewer")
    assert "Only owners change" in post(admin, "remove", "alice")
    assert "Only owners make owners" in post(admin, "transfer", "bob")
    assert (role_of("alice", alice), role_of("bob", alice)) == ("owner", "developer")
    assert "is admin now" in post(admin, "member", "bob", role="admin")


def test_the_last_owner_is_neither_demoted_nor_gone(owner, alice):
    assert "Make somebody else one first" in post(owner, "member", "alice", role="viewer")
    assert "You are the only owner" in page(owner.get(LEAVE)).text
    assert "Make somebody else one first" in page(owner.post(LEAVE, follow=True)).text
    assert role_of("alice", alice) == "owner"


def test_one_of_two_owners_may_be_demoted_removed_or_leave(owner, developer, alice):
    post(owner, "member", "bob", role="owner")
    assert "is viewer now" in post(owner, "member", "bob", role="viewer")
    post(owner, "member", "bob", role="owner")
    assert "is no member" in post(developer, "remove", "alice")
    assert role_of("alice", alice) is None


def test_who_is_removed_is_out_on_the_next_click(owner, developer, alice):
    assert developer.get("/dashboard/").status_code == 200
    assert "is no member any more" in post(owner, "remove", "bob")
    assert developer.get("/dashboard/")["Location"] == "/onboarding"
    assert newest("member.removed").subject == person("bob").id
    assert owner.get(reverse("team:member", args=[person("bob").id])).status_code == 404


def test_a_transfer_makes_the_other_owner_and_oneself_admin(owner, alice):
    assert "owner in your place" in page(owner.get(reverse("team:transfer", args=[person("bob").id]))).text
    assert "is owner now, and you are admin" in post(owner, "transfer", "bob")
    assert (role_of("alice", alice), role_of("bob", alice)) == ("admin", "owner")
    assert newest("member.ownership_transferred").subject == person("bob").id
    assert "Only owners make owners" in post(owner, "transfer", "bob"), "sent twice it changes nothing"


def test_anybody_but_the_last_owner_leaves(developer, alice):
    assert "Leave Alice & Co?" in page(developer.get(LEAVE)).text
    assert developer.post(LEAVE)["Location"] == "/dashboard/"
    assert role_of("bob", alice) is None
    assert newest("member.left").actor == f"user:{person('bob').id}"


def test_to_remove_oneself_is_to_leave(admin, alice):
    me = alice.memberships.get(role="admin").user
    assert admin.get(reverse("team:remove", args=[me.id]))["Location"] == LEAVE


@pytest.mark.parametrize("address", ["bob@example.com", "BOB@Example.com"])
def test_a_member_is_not_invited(owner, address):
    html = page(owner.post(TEAM, {"email": address, "role": "viewer"}), 422)
    assert "a member already" in html.by_id("id_email_error").text
    assert html.by_id("id_email").attributes["value"] == address


def test_an_address_is_invited_once_at_a_time(owner, admin):
    owner.post(TEAM, {"email": "Dora@example.com", "role": "viewer"})
    html = page(admin.post(TEAM, {"email": "dora@example.com", "role": "viewer"}), 422)
    assert "invited already" in html.by_id("id_email_error").text
    assert Invitation.objects.get().email == "dora@example.com"


def test_an_admin_neither_invites_nor_revokes_an_owner(owner, admin, alice):
    assert page(admin.post(TEAM, {"email": "dora@example.com", "role": "owner"}), 422).by_id("id_role_error").text
    owner.post(TEAM, {"email": "dora@example.com", "role": "owner"})
    invitation = Invitation.objects.get()
    for what in ("resend", "revoke-invitation"):
        answer = admin.post(reverse(f"team:{what}", args=[invitation.id]), follow=True)
        assert "Only owners make owners" in page(answer).text
    assert Invitation.objects.get().revoked_at is None


def invite_many(organisation: Organisation, number: int, start: int = 0) -> None:
    """Send so many invitations, the first to `guest-<start>`."""
    now = timezone.now()
    Invitation.objects.bulk_create(
        Invitation(
            organisation=organisation,
            email=f"guest-{serial}@example.com",
            role="viewer",
            digest=bytes([serial]),
            sent_at=now,
            expires_at=now + LIFETIME,
        )
        for serial in range(start, start + number)
    )


def test_there_is_an_end_to_open_invitations(owner, alice):
    invite_many(alice, MAX_INVITATIONS)
    html = page(owner.post(TEAM, {"email": "emil@example.com", "role": "viewer"}), 422)
    assert "50 invitations are open" in html.by_id("id_email_error").text


def test_the_page_takes_as_many_queries_for_one_member_as_for_fifty(owner, alice, django_assert_num_queries):
    invite_many(alice, 1)
    with django_assert_num_queries(5):  # session, user, memberships, members, invitations
        owner.get(TEAM)
    invite_many(alice, MAX_INVITATIONS - 1, start=1)
    for number in range(50):
        user = User.objects.create_user(f"{number}@example.com")
        Membership.objects.create(user=user, organisation=alice, role=Role.VIEWER)
    with django_assert_num_queries(5):
        owner.get(TEAM)
