import time
from dataclasses import replace

import pytest

from billing.gateways.base import GatewayError
from billing.gateways.razorpay import RazorpayGateway
from billing.tests.gateways.razorpay.scenario import ASHA, asked


def test_the_same_order_is_made_once(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)

    assert gateway.open_checkout(order) == checkout
    assert checkout.url == ""
    [made] = razorpay.account.all("order")
    assert (made["amount"], made["currency"], made["receipt"]) == (177_000, "INR", order.payment_id)
    assert made["notes"]["payment_id"] == order.payment_id


def test_an_order_whose_answer_was_lost_is_found_again(razorpay, gateway, order):
    razorpay.break_next(1, "after", on="POST /v1/orders")
    with pytest.raises(GatewayError) as caught:
        gateway.open_checkout(order)
    assert not caught.value.permanent

    checkout = gateway.open_checkout(order)

    assert [made["id"] for made in razorpay.account.all("order")] == [checkout.reference]


def test_an_order_with_a_longer_receipt_is_another(razorpay, gateway, order):
    longer = gateway.open_checkout(replace(order, payment_id=f"{order.payment_id}x"))

    assert gateway.open_checkout(order) != longer


@pytest.mark.parametrize(("most", "asked_for"), [(1_000_000, 1_000_000), (9_000_000, 1_500_000), (None, 1_500_000)])
def test_keeping_the_card_asks_for_a_mandate_of_15_000_rupees_at_most(razorpay, gateway, order, most, asked_for):
    gateway.open_checkout(replace(order, keep_method=True, most_minor=most))

    [wanted] = asked(razorpay, "POST /v1/orders")
    assert (wanted["customer_id"], wanted["method"]) == (order.customer, "card")
    assert wanted["token"]["frequency"] == "as_presented"
    assert wanted["token"]["max_amount"] == asked_for
    assert wanted["token"]["expire_at"] > time.time()


def test_the_form_is_what_checkout_js_takes(razorpay, gateway, order):
    form = gateway.checkout_form(order, "order_1", ASHA)

    assert form.script_url == f"{razorpay.url}/v1/checkout.js"
    assert form.options == {
        "key": razorpay.key_id,
        "order_id": "order_1",
        "amount": 177_000,
        "currency": "INR",
        "name": "Zupertry",
        "description": "100 credits",
        "prefill": {"name": ASHA.name, "email": ASHA.email, "contact": ASHA.phone},
        "notes": {"payment_id": order.payment_id},
    }


def test_the_form_says_that_the_card_is_kept(gateway, order):
    form = gateway.checkout_form(replace(order, keep_method=True), "order_1", ASHA)

    assert (form.options["customer_id"], form.options["recurring"]) == (order.customer, "1")


def test_the_script_of_the_real_razorpay_is_at_its_own_address(order):
    gateway = RazorpayGateway("rzp_live_1", "secret", ["other"], "https://api.razorpay.com")

    assert gateway.livemode
    form = gateway.checkout_form(order, "order_1", ASHA)
    assert form.script_url == "https://checkout.razorpay.com/v1/checkout.js"


def test_an_answer_is_believed_for_our_order_only(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    answer = razorpay.pay(checkout.reference)

    assert gateway.is_answer_of(checkout.reference, answer)
    assert not gateway.is_answer_of("order_other", answer)
    assert not gateway.is_answer_of("order_other", answer | {"razorpay_order_id": "order_other"})
    assert not gateway.is_answer_of(checkout.reference, answer | {"razorpay_payment_id": "pay_other"})
    assert not gateway.is_answer_of(checkout.reference, answer | {"razorpay_signature": "é"})
    assert not gateway.is_answer_of(checkout.reference, {})
