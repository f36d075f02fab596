import time
from dataclasses import replace
from datetime import date

import pytest

from billing.gateways.base import GatewayError, Snapshot
from billing.gateways.razorpay import RazorpayGateway
from billing.tests.gateways.razorpay.scenario import look


@pytest.fixture
def kept(razorpay, gateway, order) -> Snapshot:
    checkout = gateway.open_checkout(replace(order, keep_method=True, most_minor=1_200_000))
    razorpay.pay(checkout.reference)
    return look(gateway, checkout)


def test_kept_card_comes_with_the_payment_that_it_was_kept_with(kept):
    method = kept.method
    assert (method.kind, method.brand, method.last_four) == ("card", "Visa", "1111")
    assert method.expires_on == date(time.gmtime().tm_year + 3, 12, 31)
    assert (method.most_minor, method.usable, method.gone) == (1_200_000, True, False)


@pytest.mark.parametrize(
    ("status", "usable", "gone"),
    [
        ("initiated", False, False),
        ("confirmed", True, False),
        ("paused", False, False),
        ("rejected", False, True),
        ("cancelled", False, True),
    ],
)
def test_kept_card_follows_the_banks_mandate(razorpay, gateway, kept, status, usable, gone):
    razorpay.set_token(kept.method.reference, status)

    method = gateway.look_at_method(kept.customer, kept.method.reference)

    assert (method.usable, method.gone) == (usable, gone)


def test_rejected_card_does_not_come_with_the_payment(razorpay, gateway, kept):
    razorpay.set_token(kept.method.reference, "rejected")

    assert gateway.look(checkout_reference=kept.checkout_reference, gateway_reference="").method is None


def test_expiry_that_the_network_hides_is_unknown(razorpay, gateway, kept):
    razorpay.account.find("token", kept.method.reference)["card"].update(expiry_month=1, expiry_year=2099)

    assert gateway.look_at_method(kept.customer, kept.method.reference).expires_on is None


def test_forgetting_deletes_a_card_and_twice_is_no_error(gateway, kept):
    gateway.forget_method(kept.customer, kept.method.reference)
    gateway.forget_method(kept.customer, kept.method.reference)

    assert gateway.look_at_method(kept.customer, kept.method.reference).gone


@pytest.mark.parametrize("act", ["look_at_method", "forget_method"])
def test_refusal_for_another_reason_is_an_error(razorpay, kept, act):
    stranger = RazorpayGateway(razorpay.key_id, "wrong", [], razorpay.url)

    with pytest.raises(GatewayError, match="Authentication failed"):
        getattr(stranger, act)(kept.customer, kept.method.reference)
