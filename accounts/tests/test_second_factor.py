"""Authenticator apps, recovery codes and passkeys, at login and on the page that sets them up."""

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from zupertry.core.crypto import unseal
from zupertry.testing.page import parse

pytestmark = pytest.mark.usefixtures("world")
ALICE = {"login": "alice@example.com", "password": "alice-password"}
SECURITY = "/dashboard/account/security"


def code(secret: str, step: int = 0) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + step)))


def confirm(client: Client) -> None:
    client.post("/confirm", {"password": ALICE["password"]})


@pytest.fixture
def alice(client: Client) -> Client:
    client.post("/login", ALICE)
    return client


@pytest.fixture
def secret(alice: Client) -> str:
    """The key of Alice's app, which she has just set up."""
    confirm(alice)
    html = parse(alice.get(f"{SECURITY}/app").content.decode())
    key = html.by_id("main").all("code")[0].text
    assert alice.post(f"{SECURITY}/app", {"code": code(key)})["Location"] == f"{SECURITY}/codes"
    return key


def recovery_codes(client: Client) -> list[str]:
    html = parse(client.get(f"{SECURITY}/codes").content.decode())
    return [item.text for item in html.all("ul", class_="codes")[0].all("code")]


def test_setting_it_up_asks_for_the_password_again(alice):
    assert alice.get(f"{SECURITY}/app")["Location"] == f"/confirm?next={SECURITY.replace('/', '%2F')}%2Fapp"
    assert alice.post("/confirm", {"password": "guess"}).status_code == 200
    assert alice.get(f"{SECURITY}/app").status_code == 302


def test_a_login_then_takes_a_code_too(secret):
    client = Client()
    assert client.post("/login", ALICE)["Location"] == "/login/code"
    assert client.get("/dashboard/").status_code == 302

    refused = client.post("/login/code", {"code": "000000"}).content.decode()
    assert "not right" in refused
    assert "another passkey" not in refused, "who has none is not told of any"
    assert client.post("/login/code", {"code": code(secret)})["Location"] == "/dashboard/"
    assert client.get("/dashboard/").status_code == 200


def test_a_code_that_has_just_changed_is_still_right_but_no_older_one(secret):
    client = Client()
    client.post("/login", ALICE)

    assert client.post("/login/code", {"code": code(secret, -3)}).status_code == 200
    assert client.post("/login/code", {"code": code(secret, -1)}).status_code == 302


def test_a_code_lets_in_once_for_as_long_as_it_is_right(secret):
    """allauth's own mark is gone after 30 seconds, when the code is still taken: ours is not."""
    used = code(secret)
    first, second = Client(), Client()
    for client in (first, second):
        client.post("/login", ALICE)
    assert first.post("/login/code", {"code": used}).status_code == 302
    alice = User.objects.get(email=ALICE["login"])
    cache.delete(f"allauth.mfa.totp.used?user={alice.pk}&code={used}")

    assert second.post("/login/code", {"code": f" {used[:3]} {used[3:]}"}).status_code == 200


def test_guessing_codes_is_stopped(secret):
    client = Client()
    client.post("/login", ALICE)
    for _ in range(5):
        client.post("/login/code", {"code": "000000"})

    assert "Too many attempts" in client.post("/login/code", {"code": code(secret)}).content.decode()


def test_a_recovery_code_lets_in_once(secret, alice):
    one = recovery_codes(alice)[0]
    for status in (302, 200):
        client = Client()
        client.post("/login", ALICE)
        assert client.post("/login/code", {"code": one}).status_code == status
    assert len(recovery_codes(alice)) == 9


def test_recovery_codes_can_be_downloaded_and_made_anew(secret, alice):
    old = recovery_codes(alice)
    download = alice.get(f"{SECURITY}/codes.txt")
    assert download["Content-Disposition"].startswith("attachment")
    assert download.content.decode().split() == old

    alice.post(f"{SECURITY}/codes/new")

    assert not set(old) & set(recovery_codes(alice))


def test_seeds_are_sealed_in_the_database(secret):
    kept = {item.type: item.data for item in Authenticator.objects.all()}

    assert secret not in str(kept)
    assert unseal(kept["totp"]["secret"]) == secret
    assert len(unseal(kept["recovery_codes"]["seed"])) == 80


def test_removing_it_asks_who_it_is_and_then_the_password_is_enough(secret, alice):
    stranger = Client()
    assert stranger.post(f"{SECURITY}/app/remove")["Location"].startswith("/login")

    assert alice.post(f"{SECURITY}/app/remove")["Location"] == SECURITY

    assert not Authenticator.objects.exists()
    assert Client().post("/login", ALICE)["Location"] == "/dashboard/"


@pytest.mark.django_db(transaction=True)
def test_each_change_is_mailed_to_the_person_with_where_it_came_from(secret, alice):
    alice.post(f"{SECURITY}/codes/new")
    alice.post(f"{SECURITY}/app/remove", headers={"user-agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/150.0"})

    assert [message.subject.removesuffix(" at Zupertry") for message in mail.outbox] == [
        "An authenticator app was added",
        "New recovery codes were made",
        "The authenticator app was removed",
    ]
    last = mail.outbox[-1]
    assert isinstance(last, mail.EmailMultiAlternatives)
    assert last.to == ["alice@example.com"]
    assert "From: 127.0.0.1" in last.body
    assert "With: Firefox on Windows" in last.body
    assert "Firefox on Windows" in str(last.alternatives[0][0])


def test_staff_log_in_with_it_as_everybody(secret):
    User.objects.filter(email=ALICE["login"]).update(is_staff=True, is_superuser=True)
    client = Client()
    admin = f"/{settings.ADMIN_PATH}"
    login = client.get(admin, follow=True).redirect_chain[-1][0]
    assert login.startswith("/login?next=")

    assert client.post(login, ALICE)["Location"].startswith("/login/code")
    assert client.get(admin).status_code == 302
    client.post("/login/code", {"code": code(secret)})
    assert client.get(admin).status_code == 200


def test_passkeys_are_for_our_public_name_whatever_host_was_asked(client, settings):
    settings.PUBLIC_URL = "https://app.example.com"
    settings.ALLOWED_HOSTS = ["other.example.com"]

    answer = client.get("/login/passkey", headers={"host": "other.example.com", "accept": "application/json"})

    assert answer.json()["request_options"]["publicKey"]["rpId"] == "app.example.com"


NO_CREDENTIALS = ["", "{}", "[]", "1", "nonsense", '{"id": "x"}', '{"id": "x", "rawId": "x", "response": "x"}']


@pytest.mark.parametrize("credential", NO_CREDENTIALS)
def test_a_made_up_passkey_is_refused_and_nothing_breaks(credential):
    client = Client()
    client.get("/login/passkey", headers={"accept": "application/json"})

    assert client.post("/login/passkey", {"credential": credential})["Location"] == "/login"
    assert client.get("/dashboard/").status_code == 302


@pytest.mark.parametrize("credential", NO_CREDENTIALS)
def test_a_made_up_passkey_is_not_added(alice, credential):
    confirm(alice)
    alice.get(f"{SECURITY}/passkeys/add")

    assert alice.post(f"{SECURITY}/passkeys/add", {"name": "Mine", "credential": credential}).status_code == 200
    assert not Authenticator.objects.exists()


def test_the_page_takes_as_many_queries_for_many_passkeys(alice, django_assert_num_queries):
    person = User.objects.get(email=ALICE["login"])

    def add(count: int) -> None:
        data = {"name": "Key", "credential": {"clientExtensionResults": {"credProps": {"rk": True}}}}
        Authenticator.objects.bulk_create(
            Authenticator(user=person, type=Authenticator.Type.WEBAUTHN, data=data) for _ in range(count)
        )

    add(1)
    with django_assert_num_queries(5):  # session, user, memberships, factors, whether there is one
        assert alice.get(SECURITY).status_code == 200
    add(49)
    with django_assert_num_queries(5):
        assert alice.get(SECURITY).status_code == 200
