"""Passkeys: added, used alone or after the password, renamed and removed."""

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core import mail
from django.test import Client

from zupertry.testing.page import parse
from zupertry.testing.passkey import Passkey

pytestmark = pytest.mark.usefixtures("world")
ALICE = {"login": "alice@example.com", "password": "alice-password"}
SECURITY = "/dashboard/account/security"


def page_data(client: Client, path: str) -> Any:
    """Return what a page tells the browser to ask the authenticator for."""
    html = parse(client.get(path).content.decode())
    return json.loads(html.by_id("passkey_data").text)


def login_options(client: Client) -> Any:
    return client.get("/login/passkey", headers={"accept": "application/json"}).json()["request_options"]


def log_in(client: Client, passkey: Passkey, **form: str):
    credential = json.dumps(passkey.get(login_options(client)))
    return client.post("/login/passkey", {"credential": credential, **form})


@pytest.fixture
def alice(client: Client) -> Client:
    client.post("/login", ALICE)
    client.post("/confirm", {"password": ALICE["password"]})
    return client


@pytest.fixture
def passkey(alice: Client) -> Passkey:
    """One that Alice has just added."""
    made = Passkey(settings.PUBLIC_URL)
    credential = made.create(page_data(alice, f"{SECURITY}/passkeys/add")["creation_options"])
    form = {"name": "Her laptop", "credential": json.dumps(credential), "passwordless": "on"}
    assert alice.post(f"{SECURITY}/passkeys/add", form)["Location"] == f"{SECURITY}/codes"
    return made


def test_it_is_enough_to_log_in(passkey):
    client = Client()
    assert log_in(client, passkey, next="/dashboard/account")["Location"] == "/dashboard/account"
    assert client.get("/dashboard/").status_code == 200


def test_after_the_password_it_is_the_second_factor(passkey):
    client = Client()
    assert client.post("/login", ALICE)["Location"] == "/login/code"

    answer = passkey.get(page_data(client, "/login/code")["request_options"])

    assert client.post("/login/code", {"credential": json.dumps(answer)})["Location"] == "/dashboard/"


def test_it_confirms_who_it_is(passkey):
    client = Client()
    log_in(client, passkey)
    assert client.get(f"{SECURITY}/codes")["Location"].startswith("/confirm")

    answer = passkey.get(page_data(client, "/confirm/passkey")["request_options"])
    client.post("/confirm/passkey", {"credential": json.dumps(answer)})

    assert client.get(f"{SECURITY}/codes").status_code == 200


def test_an_answer_serves_once(passkey):
    first, second = Client(), Client()
    answer = json.dumps(passkey.get(login_options(first)))
    login_options(second)

    assert second.post("/login/passkey", {"credential": answer})["Location"] == "/login"
    assert first.post("/login/passkey", {"credential": answer})["Location"] == "/dashboard/"


def test_the_key_of_somebody_else_does_not_open_it(passkey):
    forged = Passkey(settings.PUBLIC_URL)
    forged.user_handle = passkey.user_handle
    forged._id = passkey._id

    assert log_in(Client(), forged)["Location"] == "/login"


def test_a_page_of_another_site_gets_nothing_for_it(passkey, monkeypatch):
    monkeypatch.setattr(settings, "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN", False)
    monkeypatch.setattr(passkey, "origin", "https://evil.example")

    assert log_in(Client(), passkey)["Location"] == "/login"


def test_it_is_listed_by_its_name_which_can_be_changed(passkey, alice):
    assert "Her laptop" in alice.get(SECURITY).content.decode()
    pk = Authenticator.objects.get(type="webauthn").pk

    alice.post(f"{SECURITY}/passkeys/{pk}", {"name": "<b>Her</b> phone"})

    assert "&lt;b&gt;Her&lt;/b&gt; phone" in alice.get(SECURITY).content.decode()


def test_removed_it_opens_nothing_and_both_are_mailed(passkey, alice):
    pk = Authenticator.objects.get(type="webauthn").pk
    assert "Remove Her laptop?" in alice.get(f"{SECURITY}/passkeys/{pk}/remove").content.decode()

    alice.post(f"{SECURITY}/passkeys/{pk}/remove")

    assert log_in(Client(), passkey)["Location"] == "/login"
    subjects = [message.subject for message in mail.outbox]
    assert [subject for subject in subjects if "passkey" in subject] == [
        "A passkey was added at Zupertry",
        "A passkey was removed at Zupertry",
    ]


def test_nobody_changes_the_passkey_of_somebody_else(passkey):
    pk = Authenticator.objects.get(type="webauthn").pk
    charlie = Client()
    charlie.post("/login", {"login": "charlie@example.com", "password": "charlie-password"})
    charlie.post("/confirm", {"password": "charlie-password"})

    assert charlie.post(f"{SECURITY}/passkeys/{pk}", {"name": "Mine"}).status_code == 404
    assert charlie.post(f"{SECURITY}/passkeys/{pk}/remove").status_code == 404
