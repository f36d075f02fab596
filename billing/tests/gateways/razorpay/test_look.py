from datetime import UTC, datetime, timedelta

import pytest

from billing.gateways.base import GatewayError, State
from billing.tests.gateways.razorpay.scenario import look


def test_an_order_nobody_paid_is_open(gateway, order):
    seen = look(gateway, gateway.open_checkout(order))

    assert (seen.state, seen.gateway_reference, seen.method) == (State.OPEN, "", None)
    assert (seen.payment_id, seen.customer, seen.livemode) == (order.payment_id, order.customer, False)
    assert (seen.amount_minor, seen.tax_minor, seen.currency) == (177_000, 0, "INR")
    assert abs(seen.created_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_captured_payment_is_paid(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    answer = razorpay.pay(checkout.reference)

    seen = look(gateway, checkout)

    assert (seen.state, seen.gateway_reference) == (State.PAID, answer["razorpay_payment_id"])
    assert (seen.payment_id, seen.customer, seen.amount_minor) == (order.payment_id, order.customer, 177_000)
    assert (seen.method, seen.money_back) == (None, ())


def test_the_payment_alone_leads_to_the_same(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    answer = razorpay.pay(checkout.reference)

    by_payment = gateway.look(checkout_reference="", gateway_reference=answer["razorpay_payment_id"])

    assert by_payment == look(gateway, checkout)


def test_whose_payment_it_is_is_not_taken_from_the_browser(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    razorpay.pay(checkout.reference, notes={"payment_id": "pay_of_another"})

    assert look(gateway, checkout).payment_id == order.payment_id


def test_a_declined_payment_leaves_the_order_open(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    declined = razorpay.fail(checkout.reference)

    seen = look(gateway, checkout)

    assert (seen.state, seen.gateway_reference) == (State.OPEN, declined)
    assert (seen.failure, seen.failure_code) == ("Your payment was declined by the bank.", "payment_failed")


def test_a_second_attempt_that_succeeds_decides(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    razorpay.fail(checkout.reference)
    paid = razorpay.pay(checkout.reference)["razorpay_payment_id"]

    seen = look(gateway, checkout)

    assert (seen.state, seen.gateway_reference, seen.failure) == (State.PAID, paid, "")


def test_a_payment_at_its_banks_page_is_open(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    razorpay.begin(checkout.reference)

    assert look(gateway, checkout).state == State.OPEN


def test_what_failed_may_be_captured_days_later(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    razorpay.fail(checkout.reference)
    razorpay.capture_late(checkout.reference)

    assert look(gateway, checkout).state == State.PAID


def test_what_is_authorised_is_captured(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    razorpay.authorise(checkout.reference)

    assert look(gateway, checkout).state == State.PAID
    assert look(gateway, checkout).state == State.PAID
    captures = [request for request in razorpay.requests if request.path.endswith("/capture")]
    assert [capture.body for capture in captures] == [{"amount": 177_000, "currency": "INR"}]


def test_a_capture_whose_answer_was_lost_is_no_second_one(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    razorpay.authorise(checkout.reference)
    razorpay.break_next(1, "after", on="/capture")
    with pytest.raises(GatewayError):
        look(gateway, checkout)

    assert look(gateway, checkout).state == State.PAID


def test_a_capture_that_another_was_quicker_with_is_fine(razorpay, gateway, order, monkeypatch):
    checkout = gateway.open_checkout(order)
    payment_id = razorpay.authorise(checkout.reference)["razorpay_payment_id"]
    capture = gateway._razorpay.payments.capture

    def late(*arguments, **options):
        razorpay.account.capture(payment_id, {"amount": 177_000})
        return capture(*arguments, **options)

    monkeypatch.setattr(gateway._razorpay.payments, "capture", late)

    assert look(gateway, checkout).state == State.PAID


def test_a_capture_that_is_refused_is_an_error(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    payment_id = razorpay.authorise(checkout.reference)["razorpay_payment_id"]
    razorpay.account.find("payment", payment_id)["amount"] = 100

    with pytest.raises(GatewayError, match="Capture amount must be equal") as caught:
        look(gateway, checkout)
    assert caught.value.permanent


def test_an_authorised_payment_that_is_not_for_us_is_left_alone(razorpay, gateway):
    theirs = razorpay.account.create_order({"amount": 500, "currency": "INR"})
    payment_id = razorpay.authorise(theirs["id"])["razorpay_payment_id"]

    seen = gateway.look(checkout_reference="", gateway_reference=payment_id)

    assert (seen.state, seen.payment_id) == (State.PROCESSING, "")
    assert not razorpay.account.find("payment", payment_id)["captured"]


def test_a_payment_without_an_order_is_nobodys(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    payment_id = razorpay.pay(checkout.reference, notes={"payment_id": order.payment_id})["razorpay_payment_id"]
    razorpay.account.find("payment", payment_id)["order_id"] = None

    seen = gateway.look(checkout_reference="", gateway_reference=payment_id)

    assert (seen.state, seen.payment_id, seen.checkout_reference) == (State.PAID, "", "")


def test_what_was_authorised_too_late_and_given_back_is_not_paid(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    razorpay.refund(razorpay.authorise(checkout.reference)["razorpay_payment_id"])

    seen = look(gateway, checkout)

    assert (seen.state, seen.money_back) == (State.OPEN, ())
    assert "too late" in seen.failure


def test_an_unknown_order_is_a_permanent_error(gateway):
    with pytest.raises(GatewayError, match="does not exist") as caught:
        gateway.look(checkout_reference="order_none", gateway_reference="")
    assert caught.value.permanent
