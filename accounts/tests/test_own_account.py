"""A person's own account: name, address, password, and the places where they are logged in."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.dashboard.sessions import delete_expired, device_of
from accounts.models import User
from zupertry.testing.page import parse

pytestmark = pytest.mark.usefixtures("world")
ALICE = {"login": "alice@example.com", "password": "alice-password"}
ACCOUNT = "/dashboard/account"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0"


def logged_in(**headers: str) -> Client:
    client = Client(headers=headers)
    client.post("/login", ALICE)
    return client


@pytest.fixture
def alice() -> Client:
    return logged_in()


def works(client: Client) -> bool:
    return client.get("/dashboard/").status_code == 200


def test_the_name_is_what_colleagues_see(alice):
    alice.post(ACCOUNT, {"name": "Alice Ames"})
    assert "Alice Ames" in parse(alice.get("/dashboard/").content.decode()).text


def test_strangers_are_sent_to_the_login():
    paths = ["", "/email", "/password", "/sessions", "/security", "/security/app", "/security/codes"]
    for path in paths:
        assert Client().get(f"{ACCOUNT}{path}")["Location"] == f"/login?next={ACCOUNT}{path}"


def change_to(client: Client, address: str) -> str:
    """Ask for another address, and return the code that was mailed to it."""
    client.post("/confirm", {"password": ALICE["password"]})
    assert client.post(f"{ACCOUNT}/email", {"action_add": "", "email": address})["Location"] == "/signup/code"
    assert mail.outbox[-1].to == [address]
    found = re.match(r"(\d{4}-\d{4}) is your", str(mail.outbox[-1].subject))
    return found[1] if found else ""


def test_a_new_address_counts_once_its_code_was_typed_and_the_old_one_is_told(alice):
    code = change_to(alice, "alice@new.example.com")
    assert User.objects.filter(email="alice@example.com").exists()

    assert alice.post("/signup/code", {"code": code})["Location"] == ACCOUNT

    assert list(EmailAddress.objects.values_list("email", "verified")) == [("alice@new.example.com", True)]
    assert Client().post("/login", {**ALICE, "login": "alice@new.example.com"}).status_code == 302
    assert not works(Client())
    told = mail.outbox[-1]
    assert (told.to, told.subject) == (["alice@example.com"], "Your e-mail address was changed at Zupertry")
    assert "alice@new.example.com" in told.body


def test_changing_it_asks_for_the_password_again(alice):
    answer = alice.post(f"{ACCOUNT}/email", {"action_add": "", "email": "alice@new.example.com"})

    assert answer["Location"].startswith("/confirm")
    assert not mail.outbox


def test_somebody_elses_address_is_asked_for_like_any_other_and_never_taken(alice):
    code = change_to(alice, "charlie@example.com")

    answer = alice.post("/signup/code", {"code": code})

    assert "another account" in answer.content.decode()
    assert User.objects.get(email="alice@example.com").pk != User.objects.get(email="charlie@example.com").pk


def test_a_new_password_ends_the_other_sessions_and_is_mailed(alice):
    elsewhere = logged_in()
    form = {"oldpassword": ALICE["password"], "password1": "another-of-hers", "password2": "another-of-hers"}
    wrong = alice.post(f"{ACCOUNT}/password", {**form, "oldpassword": "guess"})
    assert "not your present password" in wrong.content.decode()

    assert alice.post(f"{ACCOUNT}/password", form).status_code == 302

    assert works(alice)
    assert not works(elsewhere)
    assert [message.subject for message in mail.outbox] == ["Your password was changed at Zupertry"]


def devices(client: Client) -> list[str]:
    html = parse(client.get(f"{ACCOUNT}/sessions").content.decode())
    return [item.text.strip() for item in html.all("p", class_="item-name")]


def test_sessions_are_listed_with_the_present_one_first(alice):
    logged_in(user_agent=FIREFOX)

    assert devices(alice) == ["A browser Here", "Firefox on Windows"]


def test_other_sessions_can_be_ended_one_by_one_or_at_once(alice):
    others = [logged_in(user_agent=FIREFOX) for _ in range(3)]
    first = UserSession.objects.get(session_key=others[0].session.session_key)

    alice.post(f"{ACCOUNT}/sessions/end", {"session": first.pk})
    assert [works(other) for other in others] == [False, True, True]

    alice.post(f"{ACCOUNT}/sessions/end")
    assert [works(other) for other in others] == [False, False, False]
    assert works(alice)
    assert devices(alice) == ["A browser Here"]


@pytest.mark.parametrize("session", ["", "0", "-1", "x", "9" * 30])
def test_nobody_ends_a_session_of_somebody_else(alice, session):
    charlie = Client()
    charlie.post("/login", {"login": "charlie@example.com", "password": "charlie-password"})
    theirs = UserSession.objects.get(session_key=charlie.session.session_key)

    for named in (session, str(theirs.pk)):
        assert alice.post(f"{ACCOUNT}/sessions/end", {"session": named}).status_code == 302

    assert works(charlie)


def test_the_list_takes_as_many_queries_for_many_sessions(alice, django_assert_num_queries):
    with django_assert_num_queries(5):  # session, user, memberships, entries, sessions
        devices(alice)
    for _ in range(4):
        logged_in()
    with django_assert_num_queries(5):
        assert len(devices(alice)) == 5


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (FIREFOX, "Firefox on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "A browser"),
    ],
)
def test_a_session_is_called_what_a_person_would_call_it(user_agent, device):
    assert device_of(user_agent) == device


def test_logins_that_are_over_are_forgotten_and_others_are_not(alice):
    over, lasting = logged_in(), alice
    Session.objects.filter(pk=over.session.session_key).update(expire_date=timezone.now())

    assert delete_expired() == 1

    kept = set(UserSession.objects.values_list("session_key", flat=True))
    assert lasting.session.session_key in kept
    assert over.cookies[settings.SESSION_COOKIE_NAME].value not in kept
    assert Session.objects.filter(pk=lasting.session.session_key).exists()
