from dataclasses import replace

import pytest

from billing.gateways.base import Checkout, GatewayError, State
from billing.gateways.razorpay import RazorpayGateway
from billing.tests.gateways.razorpay.scenario import ASHA, CHARGE, asked, look


def test_charge_is_processing_until_the_bank_decides(razorpay, gateway, reload):
    order, token = reload

    begun = gateway.charge(order, token, ASHA)
    assert (begun.state, begun.payment_id) == (State.PROCESSING, order.payment_id)
    assert begun.gateway_reference.startswith("pay_")
    assert look(gateway, Checkout(begun.checkout_reference)).state == State.PROCESSING

    razorpay.settle_recurring(begun.gateway_reference)
    paid = look(gateway, Checkout(begun.checkout_reference))
    assert (paid.state, paid.amount_minor, paid.customer) == (State.PAID, 177_000, order.customer)


def test_charge_tells_what_razorpay_wants_to_know(razorpay, gateway, reload):
    order, token = reload
    begun = gateway.charge(order, token, ASHA)

    assert asked(razorpay, "POST /v1/orders")[-1]["payment_capture"] is True
    assert asked(razorpay, CHARGE) == [
        {
            "email": ASHA.email,
            "contact": ASHA.phone,
            "amount": 177_000,
            "currency": "INR",
            "order_id": begun.checkout_reference,
            "customer_id": order.customer,
            "token": token,
            "recurring": "1",
            "description": "100 credits",
            "notes": {"payment_id": order.payment_id},
        }
    ]


def test_charge_made_twice_is_one_payment(razorpay, gateway, reload):
    assert gateway.charge(*reload, ASHA) == gateway.charge(*reload, ASHA)
    assert len(asked(razorpay, CHARGE)) == 1


@pytest.mark.parametrize("on", ["POST /v1/orders", CHARGE, "/payments"])
def test_charge_repeated_after_a_lost_answer_is_one_payment(razorpay, gateway, reload, on):
    razorpay.break_next(1, "after", on=on)
    with pytest.raises(GatewayError) as caught:
        gateway.charge(*reload, ASHA)
    assert not caught.value.permanent

    begun = gateway.charge(*reload, ASHA)

    assert begun.state == State.PROCESSING
    assert len(razorpay.account.all("payment", order_id=begun.checkout_reference)) == 1
    assert len(razorpay.account.all("order", receipt="pay_reload")) == 1


def test_charge_refused_at_once_has_failed(razorpay, gateway, reload):
    razorpay.decline_next_charge()

    declined = gateway.charge(*reload, ASHA)

    assert (declined.state, declined.failure_code) == (State.FAILED, "insufficient_funds")
    assert declined.failure == "Your account has not enough balance."
    assert gateway.charge(*reload, ASHA) == declined


def test_charge_refused_by_the_bank_later_has_failed(razorpay, gateway, reload):
    begun = gateway.charge(*reload, ASHA)
    razorpay.settle_recurring(begun.gateway_reference, ok=False)

    seen = look(gateway, Checkout(begun.checkout_reference))

    assert (seen.state, seen.failure_code) == (State.FAILED, "insufficient_funds")


@pytest.mark.parametrize("status", ["paused", "cancelled"])
def test_charge_by_a_mandate_that_does_not_hold_has_failed(razorpay, gateway, reload, status):
    order, token = reload
    razorpay.set_token(token, status)

    declined = gateway.charge(order, token, ASHA)

    assert (declined.state, declined.gateway_reference) == (State.FAILED, "")
    assert declined.failure == "The token is not confirmed for recurring payments."
    assert declined.failure_code == "invalid_token"


def test_charge_above_the_mandate_has_failed(gateway, reload):
    order, token = reload

    declined = gateway.charge(replace(order, net_minor=1_490_000), token, ASHA)

    assert (declined.state, declined.failure_code) == (State.FAILED, "invalid_amount")


def test_charge_with_a_wrong_key_is_an_error_and_no_outcome(razorpay, reload):
    stranger = RazorpayGateway(razorpay.key_id, "wrong", [], razorpay.url)

    order, token = reload
    with pytest.raises(GatewayError) as caught:
        stranger.charge(order, token, ASHA)
    assert caught.value.permanent


@pytest.mark.parametrize("how", ["500", "429", "garbage", "reset"])
def test_charge_that_nobody_understood_is_an_error_that_may_pass(razorpay, gateway, reload, how):
    razorpay.break_next(1, how, on=CHARGE)

    with pytest.raises(GatewayError) as caught:
        gateway.charge(*reload, ASHA)
    assert not caught.value.permanent


def test_charge_has_no_page_to_be_confirmed_on(gateway):
    with pytest.raises(GatewayError) as caught:
        gateway.authenticate("pay_1", "https://zupertry.example")
    assert caught.value.permanent


def test_a_charge_that_was_begun_is_never_refused_for_good(razorpay, gateway, reload, monkeypatch):
    """The key is replaced between the charge and the look at it."""
    charge = gateway._razorpay.payments.createRecurring

    def charge_and_replace_the_key(**arguments):
        answer = charge(**arguments)
        razorpay.key_secret = "another"
        return answer

    monkeypatch.setattr(gateway._razorpay.payments, "createRecurring", charge_and_replace_the_key)
    with pytest.raises(GatewayError) as caught:
        gateway.charge(*reload, ASHA)
    assert (len(asked(razorpay, CHARGE)), caught.value.permanent) == (1, False)
