from dataclasses import replace
from datetime import UTC, datetime, timedelta

from billing.gateways import razorpay_client
from billing.gateways.base import State


def test_what_was_captured_is_listed_with_what_went_back(razorpay, gateway, order):
    paid, failed, refunded, disputed = (
        gateway.open_checkout(replace(order, payment_id=f"pay_{number}")).reference for number in range(4)
    )
    razorpay.pay(paid)
    razorpay.fail(failed)
    refund_id = razorpay.refund(razorpay.pay(refunded)["razorpay_payment_id"])
    dispute_id = razorpay.dispute(razorpay.pay(disputed)["razorpay_payment_id"])

    seen = {snapshot.payment_id: snapshot for snapshot in gateway.paid_since(datetime.now(UTC) - timedelta(days=1))}

    assert {snapshot.state for snapshot in seen.values()} == {State.PAID}
    assert {payment_id: [back.reference for back in snapshot.money_back] for payment_id, snapshot in seen.items()} == {
        "pay_0": [],
        "pay_2": [refund_id],
        "pay_3": [dispute_id],
    }


def test_what_is_older_is_left_out(razorpay, gateway, order):
    payment_id = razorpay.pay(gateway.open_checkout(order).reference)["razorpay_payment_id"]
    razorpay.account.find("payment", payment_id)["created_at"] -= 7_200

    assert list(gateway.paid_since(datetime.now(UTC) - timedelta(hours=1))) == []


def test_listing_goes_on_to_the_last_page(razorpay, gateway, order, monkeypatch):
    monkeypatch.setattr(razorpay_client, "PAGE_SIZE", 2)
    wanted = [f"pay_{number}" for number in range(5)]
    for payment_id in wanted:
        razorpay.pay(gateway.open_checkout(replace(order, payment_id=payment_id)).reference)

    seen = gateway.paid_since(datetime.now(UTC) - timedelta(days=1))

    assert sorted(snapshot.payment_id for snapshot in seen) == wanted
