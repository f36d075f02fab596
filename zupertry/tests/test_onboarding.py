"""From a first login to an organisation with a test key and free credits."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from accounts import api_keys
from accounts.models import Membership, Mode, Organisation, Role, User
from billing import ledger
from billing.models import Plan
from zupertry.onboarding import beginning
from zupertry.testing.page import parse

SAREES = {"name": "Dana Sarees", "country": "IN"}


@pytest.fixture
def dana(db, client: Client) -> Client:
    client.force_login(User.objects.create_user("dana@example.com", "dana-password"))
    return client


def person() -> User:
    return User.objects.get(email="dana@example.com")


def test_a_form_makes_everything_to_begin_with(dana):
    answer = dana.post("/onboarding", SAREES)

    organisation = Organisation.objects.get(name="Dana Sarees")
    assert (organisation.region, organisation.currency, organisation.plan) == ("IN", "INR", "starter")
    assert organisation.country == "IN"
    assert organisation.memberships.get().role == Role.OWNER
    assert organisation.workspaces.get().name == "Default"
    assert ledger.balance(organisation.id).available == settings.SIGNUP_CREDITS
    shown = parse(answer.content.decode()).by_id("test-key").text
    key = api_keys.find(shown)
    assert key is not None
    assert (key.organisation_id, key.mode) == (organisation.id, Mode.TEST)
    assert "no-store" in answer["Cache-Control"]
    assert set(organisation.audit_entries.values_list("actor", flat=True)) == {f"user:{person().id}"}


@pytest.mark.parametrize(
    ("country", "region"), [("IN", "IN"), ("US", "US"), ("DE", "EU"), ("GR", "EU"), ("GB", "GLOBAL"), ("CH", "GLOBAL")]
)
def test_the_country_decides_where_it_is_billed(country, region):
    assert beginning.region_of(country) == region


@pytest.mark.parametrize(
    ("wrong", "field"), [({"name": " "}, "name"), ({"country": ""}, "country"), ({"country": "XX"}, "country")]
)
def test_what_is_missing_is_told_beside_its_field_and_the_rest_stays_typed(dana, wrong, field):
    html = parse(dana.post("/onboarding", {**SAREES, **wrong}).content.decode())

    assert html.by_id(f"id_{field}_error").text
    if field == "country":
        assert html.by_id("id_name").attributes["value"] == "Dana Sarees"
    assert not Organisation.objects.exists()


def test_a_name_is_kept_in_one_line(dana):
    dana.post("/onboarding", {**SAREES, "name": "Dana\r\nBcc: x@example.com"})
    assert Organisation.objects.get().name == "Dana Bcc: x@example.com"


def test_it_is_over_once_done(dana):
    dana.post("/onboarding", SAREES)

    assert dana.get("/onboarding")["Location"] == "/dashboard/"
    assert dana.post("/onboarding", SAREES)["Location"] == "/dashboard/"
    assert Organisation.objects.count() == 1


def test_who_joined_an_organisation_never_sees_it(dana, world):
    Membership.objects.create(user=person(), organisation_id=world.alice.org_id, role=Role.VIEWER)

    assert dana.get("/onboarding")["Location"] == "/dashboard/"
    assert dana.get("/dashboard/").status_code == 200


def test_strangers_log_in_first(client, db):
    assert client.get("/onboarding")["Location"] == "/login?next=/onboarding"


def test_free_credits_are_given_once_to_a_person(dana):
    dana.post("/onboarding", SAREES)
    Membership.objects.all().delete()

    answer = dana.post("/onboarding", {**SAREES, "name": "Another"})

    assert ledger.balance(Organisation.objects.get(name="Another").id).available == 0
    assert "Free credits" not in answer.content.decode()


@pytest.mark.parametrize("credits_", [0, 25])
def test_the_starter_plan_may_say_how_many(dana, credits_):
    Plan.objects.filter(pk="starter").update(signup_credits=credits_)
    dana.post("/onboarding", SAREES)

    assert ledger.balance(Organisation.objects.get().id).available == credits_


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_twice_at_once_makes_one_organisation():
    dana = User.objects.create_user("dana@example.com", "dana-password")

    def begin(_: int) -> bool:
        try:
            return beginning.begin(dana, "Dana Sarees", "IN") is not None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(begin, range(4)))

    assert sorted(made) == [False, False, False, True]
    assert Organisation.objects.count() == 1
