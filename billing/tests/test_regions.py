"""Organisations that move to another region."""

import pytest

from accounts.models import AuditEntry, Organisation, Region
from billing import auto_reload, catalogue, methods, payments, regions
from billing.models import AutoReload, Payment, PaymentMethod
from billing.payments import Links
from zupertry.core.errors import Refusal
from zupertry.testing.money import opened, smallest_pack
from zupertry.testing.threads import at_once

pytestmark = pytest.mark.django_db

GIVEN = {"actor": "staff:usr_1", "reason": "chose the wrong one"}


def method_of(organisation: Organisation, gateway: str, **fields) -> PaymentMethod:
    given = {"reference": f"pm_{gateway}", "kind": "card", "brand": "visa", "last_four": "4242", **fields}
    return PaymentMethod.objects.create(organisation=organisation, gateway=gateway, **given)


def fresh(organisation: Organisation) -> Organisation:
    return Organisation.objects.get(pk=organisation.pk)


def test_a_move_is_written_down_and_switches_auto_reload_off(alice: Organisation) -> None:
    method_of(alice, "stripe", is_default=True)
    pack = smallest_pack(alice)
    auto_reload.switch_on(alice, pack=pack, threshold=5, monthly_cap_minor=10**6, actor="user:1")
    assert [regions.move(alice, Region.INDIA, **GIVEN) for _ in range(2)] == [True, False]
    assert (fresh(alice).region, fresh(alice).currency) == ("IN", "INR")
    assert not AutoReload.objects.get(pk=alice.pk).enabled
    entry = AuditEntry.objects.get(action="organisation.region_changed")
    assert (entry.reason, entry.details) == ("chose the wrong one", {"before": "EU", "after": "IN"})
    assert AuditEntry.objects.filter(action="auto_reload.switched_off", actor="staff:usr_1").count() == 1


@pytest.mark.parametrize("status", ["created", "open"])
def test_a_payment_under_way_is_in_the_way(alice: Organisation, status: str) -> None:
    method_of(alice, "stripe", is_default=True)
    auto_reload.switch_on(alice, pack=smallest_pack(alice), threshold=5, monthly_cap_minor=10**6, actor="user:1")
    payment = opened(alice, status=status)
    with pytest.raises(Refusal, match="A payment is under way"):
        regions.move(alice, Region.INDIA, **GIVEN)
    assert fresh(alice).region == "EU"
    assert AutoReload.objects.get(pk=alice.pk).enabled
    Payment.objects.filter(pk=payment.pk).update(status="expired")
    assert regions.move(alice, Region.INDIA, **GIVEN)


def test_methods_of_another_gateway_are_kept_and_not_charged(alice: Organisation) -> None:
    card = method_of(alice, "stripe", is_default=True)
    regions.move(alice, Region.INDIA, **GIVEN)
    assert auto_reload.usable_method(alice.id) is None
    assert [method.is_default for method in methods.active(alice)] == [False]
    with pytest.raises(Refusal, match="another region's"):
        methods.make_default(alice, card.id, actor="user:1")
    with pytest.raises(Refusal, match="saved payment method"):
        auto_reload.switch_on(
            fresh(alice), pack=smallest_pack(fresh(alice)), threshold=5, monthly_cap_minor=10**6, actor="user:1"
        )
    mandate = method_of(alice, "razorpay")
    methods.choose_default(alice.id)
    assert auto_reload.usable_method(alice.id) == mandate
    regions.move(alice, Region.UNITED_STATES, **GIVEN)
    assert auto_reload.usable_method(alice.id) == card
    assert PaymentMethod.objects.get(is_default=True) == card


def test_within_a_gateway_its_methods_stay_what_they_are(alice: Organisation) -> None:
    card = method_of(alice, "stripe", is_default=True)
    regions.move(alice, Region.UNITED_STATES, **GIVEN)
    assert auto_reload.usable_method(alice.id) == card
    assert PaymentMethod.objects.get(is_default=True) == card


def test_a_purchase_at_the_prices_of_before_is_refused(alice: Organisation, stripe) -> None:
    pack = smallest_pack(alice)
    assert catalogue.gateway_for(alice) == "stripe"
    regions.move(Organisation(pk=alice.pk), Region.UNITED_STATES, **GIVEN)
    links = Links("http://localhost/{payment}", "http://localhost/{payment}")
    with pytest.raises(Refusal, match="Where you are billed has changed"):
        payments.begin(alice, pack, token="a" * 16, actor="user:1", keep_method=False, links=links)
    assert not Payment.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_a_move_and_a_purchase_at_once_one_waits_for_the_other(alice: Organisation, stripe) -> None:
    pack, links = smallest_pack(alice), Links("http://localhost/{payment}", "http://localhost/{payment}")

    def buy() -> Payment:
        return payments.begin(alice, pack, token="a" * 16, actor="user:1", keep_method=False, links=links)

    def move() -> bool:
        return regions.move(Organisation(pk=alice.pk), Region.INDIA, **GIVEN)

    bought, moved = at_once([buy, move])
    assert isinstance(bought, Refusal) != isinstance(moved, Refusal)
    assert Payment.objects.exists() == (fresh(alice).region == "EU")
