"""`GET /v1/account`."""

import pytest

from accounts.models import Organisation
from billing import ledger
from billing.models import AutoReload, CreditAccount, CreditPack
from zupertry.testing.api import ApiClient


def reload_of(org_id: str, *, enabled: bool) -> None:
    pack = CreditPack.objects.filter(plan="starter", currency="EUR")[0]
    AutoReload.objects.create(
        organisation_id=org_id, enabled=enabled, threshold=10, pack=pack, monthly_cap_minor=100_000
    )


def test_the_account_has_every_field(world):
    answer = ApiClient(world.alice.live_key).get("/v1/account")
    assert answer.status_code == 200
    assert answer.json() == {
        "org_id": world.alice.org_id,
        "name": "Alice & Co",
        "plan": "starter",
        "region_code": "EU",
        "currency_code": "EUR",
        "credits": 100,
        "auto_reload_enabled": False,
        "credits_reserved": 0,
        "rate_limit_per_minute": 100_000,
    }


@pytest.mark.parametrize(("region", "currency"), [("IN", "INR"), ("US", "USD"), ("EU", "EUR"), ("GLOBAL", "USD")])
@pytest.mark.parametrize("plan", ["starter", "growth", "scale", "enterprise"])
def test_every_region_and_plan_is_told_by_its_code(world, region, currency, plan):
    Organisation.objects.filter(id=world.alice.org_id).update(region=region, plan=plan)
    account = ApiClient(world.alice.test_key).get("/v1/account").json()
    assert (account["plan"], account["region_code"], account["currency_code"]) == (plan, region, currency)


def test_held_credits_are_reserved_and_not_available(world):
    alice = ApiClient(world.alice.live_key)
    alice.submit_job()
    ApiClient(world.alice.test_key).submit_job()
    account = alice.get("/v1/account").json()
    assert (account["credits"], account["credits_reserved"]) == (99, 1)
    assert ApiClient(world.charlie.live_key).get("/v1/account").json()["credits"] == 100


def test_credits_can_be_negative(world):
    CreditAccount.objects.filter(organisation_id=world.alice.org_id).update(available=-3)
    assert ApiClient(world.alice.live_key).get("/v1/account").json()["credits"] == -3
    assert ledger.balance(world.alice.org_id).available == -3


@pytest.mark.parametrize("enabled", [True, False])
def test_auto_reload_is_told_as_it_is_set(world, enabled):
    reload_of(world.alice.org_id, enabled=enabled)
    assert ApiClient(world.alice.live_key).get("/v1/account").json()["auto_reload_enabled"] is enabled
    assert ApiClient(world.charlie.live_key).get("/v1/account").json()["auto_reload_enabled"] is False


def test_the_account_takes_two_queries(world, django_assert_max_num_queries):
    alice = ApiClient(world.alice.live_key)
    reload_of(world.alice.org_id, enabled=True)
    alice.get("/v1/account")  # writes down that the key was used
    with django_assert_max_num_queries(2):
        alice.get("/v1/account")
