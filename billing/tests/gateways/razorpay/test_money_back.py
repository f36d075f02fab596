from dataclasses import replace

import pytest

from billing.gateways.base import Checkout, State
from billing.tests.gateways.razorpay.scenario import look


@pytest.fixture
def paid(razorpay, gateway, order) -> tuple[Checkout, str]:
    checkout = gateway.open_checkout(order)
    return checkout, razorpay.pay(checkout.reference)["razorpay_payment_id"]


def test_a_whole_refund_stands_and_the_payment_stays_paid(razorpay, gateway, paid):
    checkout, payment_id = paid
    refund_id = razorpay.refund(payment_id)

    seen = look(gateway, checkout)

    [back] = seen.money_back
    assert seen.state == State.PAID
    assert (back.kind, back.reference, back.amount_minor, back.standing) == ("refund", refund_id, 177_000, True)


def test_each_part_is_told_and_a_failed_one_does_not_stand(razorpay, gateway, paid):
    checkout, payment_id = paid
    first, second = razorpay.refund(payment_id, 1_000), razorpay.refund(payment_id, 2_000)
    razorpay.fail_refund(first)

    told = {back.reference: (back.amount_minor, back.standing) for back in look(gateway, checkout).money_back}

    assert told == {first: (1_000, False), second: (2_000, True)}


@pytest.mark.parametrize(("status", "stands"), [("", True), ("lost", True), ("won", False), ("closed", False)])
def test_a_dispute_stands_until_it_is_won(razorpay, gateway, paid, status, stands):
    checkout, payment_id = paid
    dispute_id = razorpay.dispute(payment_id, 5_000)
    if status:
        razorpay.close_dispute(dispute_id, status)

    [back] = look(gateway, checkout).money_back

    assert (back.kind, back.reference, back.amount_minor) == ("dispute", dispute_id, 5_000)
    assert back.standing == stands


def test_disputes_of_other_payments_are_theirs(razorpay, gateway, order, paid):
    other = gateway.open_checkout(replace(order, payment_id="pay_other"))
    razorpay.dispute(razorpay.pay(other.reference)["razorpay_payment_id"])

    assert look(gateway, paid[0]).money_back == ()
