"""The door of staff's site."""

import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from zupertry.staff.groups import GROUPS
from zupertry.testing.page import parse
from zupertry.testing.staff import make_staff, staff_client

pytestmark = pytest.mark.django_db


def link(answer: Any, text: str) -> str:
    """Return where the first link of a page with this text leads."""
    links = parse(answer.content.decode()).all("a")
    return next(found.attributes["href"] for found in links if found.text == text)


def test_staff_with_a_second_factor_are_let_in():
    answer = staff_client(make_staff("Support")).get("/admin/")
    assert answer.status_code == 200
    assert "Zupertry" in answer.content.decode()


def test_a_stranger_is_led_to_the_login_and_from_there_back():
    answer = Client().get("/admin/tryon/", follow=True)
    assert answer.redirect_chain[-1][0] == "/login?next=%2Fadmin%2Ftryon%2F"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/admin/", "//evil.example", "/dashboard/", "/admin/login/"])
def test_the_login_leads_to_nowhere_else(elsewhere):
    answer = staff_client(make_staff("Support")).get("/admin/login/", {"next": elsewhere})
    assert answer["Location"] == "/admin/"


def test_customers_are_refused(world, client):
    client.force_login(User.objects.get(email="charlie@example.com"))
    assert client.get("/admin/", follow=True).status_code == 403


def test_staff_without_a_second_factor_are_led_to_where_it_is_set_up():
    user = make_staff("Support")
    Authenticator.objects.all().delete()
    answer = staff_client(user, second_factor=False).get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0] == "/dashboard/account/security?next=%2Fadmin%2F"
    assert "Staff need a second factor" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_new_member_of_staff_sets_up_an_app_and_comes_to_where_they_were_going():
    user = make_staff("Support")
    Authenticator.objects.all().delete()
    client, going = Client(), "/admin/accounts/user/"
    step = client.post("/login", {"login": user.email, "password": "staff-password", "next": going}, follow=True)

    step = client.get(link(step, "Set up an authenticator app"), follow=True)
    step = client.post(step.redirect_chain[-1][0], {"password": "staff-password"}, follow=True)
    key = parse(step.content.decode()).by_id("main").all("code")[0].text
    code = format_hotp_value(hotp_value(key, int(time.time()) // 30))
    step = client.post(step.redirect_chain[-1][0], {"code": code}, follow=True)

    assert step.redirect_chain[-1][0].startswith("/dashboard/account/security/codes")
    assert link(step, "I have kept them: go on") == going
    assert client.get(going).status_code == 200, "without another code"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/admin/", "//evil.example"])
def test_setting_up_leads_to_nowhere_else(elsewhere):
    html = staff_client(make_staff("Support")).get("/dashboard/account/security", {"next": elsewhere}).content.decode()
    assert "evil" not in html


def test_where_a_code_is_demanded_no_password_is_offered_nor_taken():
    client = staff_client(make_staff("Support"), second_factor=False)
    asked = client.get("/admin/", follow=True).content.decode()
    assert "Use the password" not in asked
    assert client.get("/confirm", {"next": "/admin/"})["Location"] == "/confirm/code?next=%2Fadmin%2F"
    assert "Use the password" in client.get("/confirm/code", {"next": "/dashboard/account"}).content.decode()


def test_staff_of_no_organisation_have_no_customers_menu_and_no_onboarding():
    client = staff_client(make_staff("Support"))
    account = parse(client.get("/dashboard/account").content.decode())
    menu = [item.text for item in account.all("nav", class_="side-nav")[0].all("a")]
    assert menu == ["Staff site", "Docs"]
    assert client.get("/dashboard/")["Location"] == "/admin/"


def test_a_session_that_has_not_shown_its_second_factor_is_asked_for_it():
    answer = staff_client(make_staff("Support"), second_factor=False).get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0] == "/confirm/code?next=%2Fadmin%2F"


@pytest.mark.parametrize(("hours", "let_in"), [(11.9, True), (12.1, False)])
def test_staff_are_logged_out_after_twelve_hours(hours, let_in):
    client = staff_client(make_staff("Support"), hours_ago=hours)
    assert (client.get("/admin/").status_code == 200) is let_in
    client.get("/admin/login/")
    assert ("_auth_user_id" in client.session) is let_in


def test_who_is_staff_no_longer_is_refused_at_once():
    user = make_staff("Support")
    client = staff_client(user)
    call_command("make_staff", email=user.email, remove=True)
    assert client.get("/admin/", follow=True).status_code == 403
    assert not User.objects.get(pk=user.pk).groups.exists()


def test_logging_out_leads_to_the_login():
    client = staff_client(make_staff("Support"))
    assert client.post("/admin/logout/")["Location"] == "/login"
    assert client.get("/admin/").status_code == 302


def test_the_command_makes_staff_in_exactly_the_groups_named(capsys):
    call_command("make_staff", email="Sam@Zupertry.test", group=["Support", "Billing"])
    call_command("make_staff", email="sam@zupertry.test", group=["Support"])
    user = User.objects.get(email="sam@zupertry.test")
    assert (user.is_staff, user.is_superuser) == (True, False)
    assert [group.name for group in user.groups.all()] == ["Support"]
    assert "/admin/ with a second factor" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"email": "nobody", "group": ["Support"]}, "no address"),
        ({"email": "sam@zupertry.test"}, "--group Support"),
        ({"email": "sam@zupertry.test", "remove": True}, "is not staff"),
    ],
)
def test_the_command_says_what_is_wrong(arguments, says):
    with pytest.raises(CommandError, match=says):
        call_command("make_staff", **arguments)


def test_groups_have_exactly_what_is_written_down():
    rows = Group.objects.values_list("name", "permissions__content_type__app_label", "permissions__codename")
    found: dict[str, set[str]] = {}
    for name, app, codename in rows:
        found.setdefault(name, set()).add(f"{app}.{codename}")
    assert found == {name: set(codes) for name, codes in GROUPS.items()}
    assert not any(".delete_" in code for codes in GROUPS.values() for code in codes)
