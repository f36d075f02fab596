"""Logging in, out, and back in after the password was forgotten."""

import re
import runpy
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.test import Client, override_settings

from accounts.models import User
from zupertry.testing.page import Element, parse

pytestmark = pytest.mark.usefixtures("world")
ALICE = {"login": "alice@example.com", "password": "alice-password"}


def page(answer) -> Element:
    return parse(answer.content.decode())


def is_logged_in(client: Client) -> bool:
    return client.get("/dashboard/").status_code == 200


def test_a_person_made_by_bootstrap_logs_in_by_address_in_any_case_and_lands_on_the_dashboard(client):
    assert not EmailAddress.objects.exists()

    answer = client.post("/login", {**ALICE, "login": "Alice@Example.com"})

    assert (answer.status_code, answer["Location"]) == (302, "/dashboard/")
    assert "Alice &amp; Co" in client.get("/dashboard/").content.decode()


@pytest.mark.parametrize("wrong", [{"password": "guess"}, {"login": "nobody@example.com"}])
def test_a_wrong_password_and_an_unknown_address_are_told_alike_and_the_address_stays_typed(client, wrong):
    answer = client.post("/login", {**ALICE, **wrong})

    html = page(answer)
    assert html.by_id("id_login").attributes["value"] == {**ALICE, **wrong}["login"]
    assert "value" not in html.by_id("id_password").attributes
    assert [notice.text for notice in html.all("div", class_="bad")] == [
        "The e-mail address or the password is not right."
    ]
    assert not is_logged_in(client)


def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(client):
    for _ in range(5):
        client.post("/login", {**ALICE, "password": "guess"})

    assert "Too many attempts" in client.post("/login", ALICE).content.decode()
    assert not is_logged_in(client)


def test_a_switched_off_account_is_told_so(client):
    User.objects.filter(email=ALICE["login"]).update(is_active=False)

    answer = client.post("/login", ALICE, follow=True)

    assert "switched off" in page(answer).all("h1")[0].text
    assert not is_logged_in(client)


def test_the_page_that_was_wanted_follows_the_login(client):
    wanted = "/dashboard/billing/ledger?kind=hold"
    login = client.get(wanted)["Location"]
    assert login.startswith("/login?next=")

    assert client.post(login, ALICE)["Location"] == wanted


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http://localhost:1/"],
)
def test_a_login_never_leads_to_another_site(client, elsewhere):
    assert client.post("/login", {**ALICE, "next": elsewhere})["Location"] == "/dashboard/"


def test_who_sent_a_form_after_the_session_ended_comes_back_to_a_page_that_can_be_read(client):
    assert client.post("/dashboard/billing/buy")["Location"] == "/login?next=/dashboard/"


def test_logging_out_takes_a_form(client):
    client.post("/login", ALICE)
    assert "Log out?" in page(client.get("/logout")).all("h1")[0].text
    assert is_logged_in(client)

    answer = client.post("/logout", follow=True)

    assert answer.redirect_chain == [("/login", 302)]
    assert "You are logged out." in answer.content.decode()
    assert not is_logged_in(client)


def test_pages_of_the_dashboard_are_kept_by_no_cache(client):
    client.post("/login", ALICE)
    assert "no-store" in client.get("/dashboard/")["Cache-Control"]


def test_a_form_of_another_site_is_refused_with_a_page_of_ours():
    answer = Client(enforce_csrf_checks=True).post("/login", ALICE)

    assert answer.status_code == 400
    assert "The form was too old" in answer.content.decode()


def reset_link(client: Client, address: str = ALICE["login"]) -> str:
    answer = client.post("/password/reset", {"email": address}, follow=True)
    assert "Look into your mail" in answer.content.decode()
    return re.findall(r"https?://\S+", str(mail.outbox[0].body))[0] if mail.outbox else ""


@override_settings(PUBLIC_URL="https://app.example.com")
def test_a_mailed_link_lets_choose_a_new_password_once(client):
    client.post("/login", ALICE)
    old = Client()
    link = reset_link(old)
    assert urlsplit(link)[:2] == ("https", "app.example.com")
    assert mail.outbox[0].subject == "Choose a new password for Zupertry"
    form = old.get(urlsplit(link).path, follow=True).redirect_chain[0][0]
    assert link.rsplit("-", 1)[1] not in form

    short = page(old.post(form, {"password1": "short", "password2": "short"}))
    assert "too short" in short.by_id("id_password1_error").text
    chosen = {"password1": "a-new-one-of-hers", "password2": "a-new-one-of-hers"}
    assert "Log in with the new password" in old.post(form, chosen, follow=True).content.decode()

    assert not is_logged_in(client), "sessions of the old password have ended"
    assert "does not work any more" in Client().get(urlsplit(link).path).content.decode()
    assert client.post("/login", ALICE).status_code == 200
    assert client.post("/login", {**ALICE, "password": "a-new-one-of-hers"}).status_code == 302
    assert [message.subject for message in mail.outbox][1:] == ["Your password was reset at Zupertry"]


def test_an_unknown_address_gets_the_same_page_and_a_mail_without_a_way_in(client):
    assert reset_link(client, "nobody@example.com").endswith("/signup")
    assert [message.to for message in mail.outbox] == [["nobody@example.com"]]


@pytest.mark.parametrize("path", ["/password/reset/usr_0-x-y", f"/password/reset/usr_{'0' * 26}-x-y"])
def test_a_made_up_link_is_told_so(client, path):
    assert "does not work any more" in client.get(path).content.decode()


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(client):
    client.get("/login")
    client.post("/login", ALICE)

    for name in ("session", "csrf"):
        cookie = client.cookies[name]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")
    assert not client.cookies["session"]["secure"], "a laptop is reached without TLS"


def test_over_tls_cookies_are_bound_to_the_host(monkeypatch):
    monkeypatch.setenv("PUBLIC_URL", "https://app.example.com")
    made = runpy.run_path(str(settings.BASE_DIR / "zupertry" / "settings.py"))

    assert (made["SESSION_COOKIE_NAME"], made["CSRF_COOKIE_NAME"]) == ("__Host-session", "__Host-csrf")
    assert made["SESSION_COOKIE_SECURE"]
    assert made["CSRF_COOKIE_SECURE"]
    assert made["CSRF_TRUSTED_ORIGINS"] == ["https://app.example.com"]
