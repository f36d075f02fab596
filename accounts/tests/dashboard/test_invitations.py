"""An invitation from the mail to the membership, by somebody new and by somebody known."""

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import mails
from accounts.models import AuditEntry, Invitation, Mail, Membership, User
from accounts.tests.dashboard.conftest import logged_in
from zupertry.testing.page import Element, parse

TEAM = reverse("team:team")
PASSWORD = "a-good-long-one-77"


def page(answer, status=200) -> Element:
    assert answer.status_code == status
    return parse(answer.content.decode())


def mailed_link() -> str:
    """Send the newest mail, and return the path that its link leads to."""
    mails.deliver(Mail.objects.order_by("-pk")[0].id)
    return str(re.findall(r"https?://[^/]+(\S+)", str(mail.outbox[-1].body))[0])


def invited(owner: Client, address: str, role: str = "developer") -> str:
    answer = owner.post(TEAM, {"email": address, "role": role}, follow=True)
    assert f"A mail is on its way to {address}" in page(answer).text
    return mailed_link()


def test_somebody_new_chooses_a_password_and_is_in(owner, alice, client):
    link = invited(owner, "dora@example.com", "viewer")
    assert mail.outbox[-1].to == ["dora@example.com"]
    assert mail.outbox[-1].subject == "Join Alice & Co on Zupertry"
    assert "as viewer" in str(mail.outbox[-1].body)
    html = page(client.get(link))
    assert "dora@example.com" in html.text

    weak = page(client.post(link, {"name": "Dora", "password": "password"}), 422)
    assert "too common" in weak.by_id("id_password_error").text
    assert weak.by_id("id_name").attributes["value"] == "Dora"
    answer = client.post(link, {"name": "Dora", "password": PASSWORD}, follow=True)

    assert "You are in Alice & Co as viewer." in page(answer).text
    dora = User.objects.get(email="dora@example.com")
    assert dora.check_password(PASSWORD)
    assert EmailAddress.objects.get(user=dora).verified
    assert alice.memberships.get(user=dora).role == "viewer"
    entries = AuditEntry.objects.filter(action__in=["invitation.sent", "member.joined"]).order_by("pk")
    assert [entry.action for entry in entries] == ["invitation.sent", "member.joined"]
    assert "dora" not in str([entry.details for entry in entries])


def test_somebody_known_logs_in_first_and_lands_in_the_new_organisation(owner, alice, client, world):
    link = invited(owner, "charlie@example.com")
    html = page(client.get(link))
    assert not html.all("form")
    login = next(a.attributes["href"] for a in html.all("a") if a.text == "Log in to accept")

    answer = client.post(login, {"login": "charlie@example.com", "password": "charlie-password"})
    assert answer["Location"] == link
    joined = page(client.post(link, follow=True))

    assert joined.all("h1")[0].text == "Alice & Co"
    assert Membership.objects.filter(user__email="charlie@example.com").count() == 2


def test_an_invitation_is_for_its_address_alone(owner, charlie, alice):
    link = invited(owner, "dora@example.com", "owner")
    assert "You are logged in as charlie@example.com" in page(charlie.get(link)).text
    answer = charlie.post(link, {"password": PASSWORD}, follow=True)
    assert "You are logged in as charlie@example.com" in page(answer).text
    assert not alice.memberships.filter(user__email="charlie@example.com").exists()


def test_without_a_login_nobody_joins_as_somebody_known(owner, client, alice):
    link = invited(owner, "charlie@example.com")
    page(client.post(link, {"name": "Eve", "password": PASSWORD}))
    assert not alice.memberships.filter(user__email="charlie@example.com").exists()
    assert User.objects.get(email="charlie@example.com").check_password("charlie-password")


def test_a_link_works_once(owner, alice, client):
    link = invited(owner, "dora@example.com")
    client.post(link, {"password": PASSWORD})
    assert "does not work any more" in page(client.get(link), 404).text
    alice.memberships.filter(user__email="dora@example.com").delete()
    dora = logged_in(User.objects.get(email="dora@example.com"))
    assert dora.post(link).status_code == 404


def test_a_link_ends_after_seven_days_and_can_be_sent_anew(owner, client, settings):
    link = invited(owner, "dora@example.com")
    invitation = Invitation.objects.get()
    assert invitation.expires_at - invitation.sent_at == timedelta(days=7)
    past = timezone.now() - timedelta(seconds=1)
    Invitation.objects.update(sent_at=past - timedelta(days=7), expires_at=past)
    assert client.get(link).status_code == 404
    assert "Expired" in page(owner.get(TEAM)).text

    answer = owner.post(reverse("team:resend", args=[invitation.id]), follow=True)

    assert "A new mail goes to dora@example.com" in page(answer).text
    newer = mailed_link()
    assert newer != link
    assert client.get(newer).status_code == 200
    assert client.get(link).status_code == 404


def test_nobody_is_mailed_twice_in_a_minute(owner):
    link = invited(owner, "dora@example.com")
    answer = owner.post(reverse("team:resend", args=[Invitation.objects.get().id]), follow=True)
    assert "within the last minute" in page(answer).text
    assert Mail.objects.filter(kind="invitation").count() == 1
    assert Client().get(link).status_code == 200


def test_a_revoked_one_is_over_and_the_address_may_be_invited_again(owner, client):
    link = invited(owner, "dora@example.com")
    invitation = Invitation.objects.get()
    answer = owner.post(reverse("team:revoke-invitation", args=[invitation.id]), follow=True)
    assert "is revoked" in page(answer).text
    assert client.post(link, {"password": PASSWORD}).status_code == 404
    assert owner.post(reverse("team:resend", args=[invitation.id])).status_code == 404
    assert client.get(invited(owner, "dora@example.com")).status_code == 200


@pytest.mark.parametrize("query", ["", "?token=", "?token=guess", "?token=%00"])
def test_a_made_up_link_is_told_so(client, db, query):
    assert "does not work any more" in page(client.get(f"{reverse('invitation')}{query}"), 404).text


def test_the_token_is_kept_nowhere_once_the_mail_is_sent(owner):
    owner.post(TEAM, {"email": "dora@example.com", "role": "viewer"})
    waiting = Mail.objects.get(kind="invitation")
    token = mailed_link().partition("token=")[2]
    assert waiting.sealed_secrets
    assert token not in str(vars(waiting))
    assert Mail.objects.get().sealed_secrets == ""
    assert token not in str(Invitation.objects.values().get())
