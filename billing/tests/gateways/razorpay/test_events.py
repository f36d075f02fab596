import pytest

from billing.gateways.base import BadSignatureError
from billing.gateways.razorpay import RazorpayGateway
from billing.tests.gateways.razorpay.scenario import NOW


def test_event_says_which_payment_it_is_about(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    answer = razorpay.pay(checkout.reference, notes={"payment_id": "pay_of_another"})

    read = [gateway.read_event(event.body, event.headers, NOW) for event in razorpay.events]

    assert [event.type for event in read] == ["payment.authorized", "payment.captured", "order.paid"]
    assert len({event.reference for event in read}) == 3
    assert {event.gateway_reference for event in read} == {answer["razorpay_payment_id"]}
    assert {event.checkout_reference for event in read} == {checkout.reference}
    assert [event.payment_id for event in read] == ["", "", order.payment_id]


def test_event_of_a_refund_or_dispute_says_which_payment_it_is_about(razorpay, gateway, order):
    checkout = gateway.open_checkout(order)
    payment_id = razorpay.pay(checkout.reference)["razorpay_payment_id"]
    razorpay.fail_refund(razorpay.refund(payment_id, 100))
    razorpay.close_dispute(razorpay.dispute(payment_id, 100), "won")

    read = [gateway.read_event(event.body, event.headers, NOW) for event in razorpay.events[3:]]

    assert [event.type for event in read] == [
        "refund.processed",
        "refund.failed",
        "payment.dispute.created",
        "payment.dispute.won",
    ]
    assert {(event.gateway_reference, event.checkout_reference) for event in read} == {(payment_id, checkout.reference)}


def test_event_of_a_mandate_says_which_card_it_is_about(razorpay, gateway, reload):
    _order, token = reload
    razorpay.set_token(token, "cancelled")

    event = gateway.read_event(razorpay.events[-1].body, razorpay.events[-1].headers, NOW)

    assert (event.type, event.method_reference) == ("token.cancelled", token)
    assert (event.gateway_reference, event.checkout_reference, event.payment_id) == ("", "", "")


def test_event_may_be_signed_with_any_of_the_secrets(razorpay, order, gateway):
    razorpay.fail(gateway.open_checkout(order).reference)
    [event] = razorpay.events
    both = RazorpayGateway(razorpay.key_id, razorpay.key_secret, ["new", razorpay.event_secret], razorpay.url)
    new_only = RazorpayGateway(razorpay.key_id, razorpay.key_secret, ["new"], razorpay.url)

    assert both.read_event(event.body, event.headers, NOW).reference == event.id
    with pytest.raises(BadSignatureError):
        new_only.read_event(event.body, event.headers, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"X-Razorpay-Signature": "0" * 64},
        {"X-Razorpay-Signature": "é"},
        {"X-Razorpay-Signature": ""},
        {"X-Razorpay-Event-Id": ""},
    ],
)
def test_forged_or_nameless_event_is_refused(razorpay, gateway, order, change):
    razorpay.fail(gateway.open_checkout(order).reference)
    [event] = razorpay.events

    with pytest.raises(BadSignatureError):
        gateway.read_event(event.body, event.headers | change, NOW)


def test_event_with_a_changed_body_is_refused(razorpay, gateway, order):
    razorpay.fail(gateway.open_checkout(order).reference)
    [event] = razorpay.events

    with pytest.raises(BadSignatureError):
        gateway.read_event(event.body.replace(b"failed", b"captured"), event.headers, NOW)


def test_event_is_read_whatever_the_case_of_its_headers(razorpay, gateway, order):
    razorpay.fail(gateway.open_checkout(order).reference)
    [event] = razorpay.events
    lower = {name.lower(): value for name, value in event.headers.items()}

    assert gateway.read_event(event.body, lower, NOW).reference == event.id
