"""Who sees which organisation in the dashboard, and in what words."""

import pytest
from django.test import Client

from accounts.dashboard.actors import names_of
from accounts.models import Membership, Organisation, Role, User
from zupertry.testing.page import Element, parse
from zupertry.testing.world import World


@pytest.fixture
def alice(client: Client, world: World) -> Client:
    client.force_login(User.objects.get(email="alice@example.com"))
    return client


def home(client: Client) -> Element:
    answer = client.get("/dashboard/")
    assert answer.status_code == 200
    return parse(answer.content.decode())


def title(client: Client) -> str:
    return home(client).all("h1")[0].text


def test_the_first_page_names_the_organisation_and_leads_on(alice, world):
    html = home(alice)

    assert html.all("h1")[0].text == "Alice & Co"
    assert world.alice.org_id in html.text
    assert "/dashboard/billing/" in {link.attributes["href"] for link in html.all("a")}
    assert alice.get("/dashboard")["Location"] == "/dashboard/"


def test_somebody_of_one_organisation_is_offered_no_other(alice, world):
    assert not home(alice).all("details", class_="switcher")
    alice.post("/dashboard/organisation", {"organisation": world.charlie.org_id})
    assert title(alice) == "Alice & Co"


def test_somebody_of_several_goes_to_and_fro_and_stays_there_while_logged_in(alice, world):
    Membership.objects.create(
        user=User.objects.get(email="alice@example.com"), organisation_id=world.charlie.org_id, role=Role.VIEWER
    )
    assert title(alice) == "Alice & Co"
    other = home(alice).all("button", class_="belonging")[0].attributes
    assert (other["name"], other["value"]) == ("organisation", world.charlie.org_id)

    alice.post("/dashboard/organisation", {"organisation": world.charlie.org_id})

    assert title(alice) == "Charlie Ltd"
    assert alice.get("/dashboard/billing/").status_code == 403
    alice.post("/dashboard/organisation", {"organisation": world.alice.org_id})
    assert alice.get("/dashboard/billing/").status_code == 200


def test_who_was_removed_from_the_chosen_organisation_is_back_in_their_own(alice, world):
    user = User.objects.get(email="alice@example.com")
    membership = Membership.objects.create(user=user, organisation_id=world.charlie.org_id, role=Role.OWNER)
    alice.post("/dashboard/organisation", {"organisation": world.charlie.org_id})
    assert title(alice) == "Charlie Ltd"

    membership.delete()

    assert title(alice) == "Alice & Co"


def test_who_belongs_to_no_organisation_is_led_to_make_one(client, world):
    client.force_login(User.objects.create_user("loner@example.com", "loner-password"))

    assert client.get("/dashboard/")["Location"] == "/onboarding"


def test_a_name_that_looks_like_html_stays_a_name(alice, world):
    Organisation.objects.filter(pk=world.alice.org_id).update(name="<script>alert(1)</script>")

    assert title(alice) == "<script>alert(1)</script>"


def test_people_and_keys_of_the_organisation_are_named_and_nobody_else(world, django_assert_num_queries):
    alice, charlie = (User.objects.get(email=f"{name}@example.com") for name in ("alice", "charlie"))
    User.objects.filter(pk=alice.pk).update(name="Alice")
    key = world.organisation.api_keys.get(mode="live")
    actors = [f"user:{alice.pk}", f"user:{charlie.pk}", f"key:{key.pk}", "staff:usr_x", "system", "gateway:stripe"]

    organisation = world.organisation
    with django_assert_num_queries(2):
        names = names_of(organisation, actors)

    assert list(names.values()) == [
        "Alice",
        "A former member",
        "Key “First live key”",
        "Zupertry staff",
        "Zupertry",
        "gateway:stripe",
    ]


def test_an_actor_that_is_no_id_of_ours_does_no_harm(world):
    assert names_of(world.organisation, ["user:1", "key:"]) == {"user:1": "A former member", "key:": "An API key"}
