"""Every page of settings, export and deletion, for everyone."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Organisation, Role
from zupertry.data.tests.conftest import browser, person
from zupertry.data.urls import organisation, urlpatterns
from zupertry.testing.page import parse

READ = {"organisation": {Role.OWNER, Role.ADMIN}, "export": {Role.OWNER}, "delete": {Role.OWNER}}
DO = {"keep": {Role.OWNER}}
OF_A_PERSON = {"delete-account", "keep-account"}
CONFIRM = "/confirm?next="


def test_every_route_is_in_the_tables_above():
    assert {route.name for route in organisation} == {*READ, *DO}
    assert {route.name for route in urlpatterns if hasattr(route, "name")} == OF_A_PERSON


def ask(client: Client, name: str):
    return (client.post if name in DO else client.get)(reverse(f"settings:{name}"))


def test_strangers_are_led_to_the_login(client, db):
    for name in (*READ, *DO):
        assert ask(client, name)["Location"].startswith("/login?next="), name
    for name in OF_A_PERSON:
        assert client.post(reverse(name))["Location"].startswith("/login?next="), name


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_what_is_its_own_and_no_way_to_the_rest(alice, member, role):
    client = member(alice, role)
    for name, allowed in {**READ, **DO}.items():
        assert (ask(client, name).status_code != 403) == (role in allowed), name
    home = client.get("/dashboard/").content.decode()
    assert ("/dashboard/settings" in home) == (role in READ["organisation"])


def test_an_admin_sees_the_settings_without_export_and_deletion(alice, member):
    shown = member(alice, Role.ADMIN).get(reverse("settings:organisation")).content.decode()
    assert reverse("settings:export") not in shown
    assert reverse("settings:delete") not in shown


@pytest.mark.parametrize("name", ["settings:export", "settings:delete", "delete-account"])
@pytest.mark.parametrize("verb", ["get", "post"])
def test_who_has_not_typed_the_password_lately_types_it_first(alice, name, verb):
    client = Client()
    client.force_login(person("alice"))
    assert getattr(client, verb)(reverse(name))["Location"].startswith(CONFIRM)
    assert Organisation.objects.get(pk=alice.pk).deletion_due_at is None


def test_charlie_reaches_his_own_organisation_alone(alice, charlies):
    charlie = browser("charlie")
    charlie.post("/confirm", {"password": "charlie-password"})
    charlie.post(reverse("settings:delete"), {"name": charlies.name})
    charlie.post(reverse("settings:organisation"), {"name": "Mine"})

    alice.refresh_from_db()
    charlies.refresh_from_db()
    assert (alice.deletion_due_at, alice.name) == (None, "Alice & Co")
    assert charlies.deletion_due_at is not None
    assert charlies.name == "Mine"
    assert alice.id not in parse(charlie.get(reverse("settings:organisation")).content.decode()).text
