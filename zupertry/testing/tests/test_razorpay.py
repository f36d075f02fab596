import hashlib
import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from zupertry.testing.razorpay import RazorpayServer
from zupertry.testing.razorpay.account import RefusedError
from zupertry.testing.razorpay.events import Courier
from zupertry.testing.receiver import WebhookReceiver

ORDER = {"amount": 177_000, "currency": "INR", "receipt": "pay_1", "notes": {"payment_id": "pay_1"}}


@pytest.fixture
def razorpay() -> Iterator[RazorpayServer]:
    with RazorpayServer() as server:
        yield server


@pytest.fixture
def order_id(razorpay: RazorpayServer) -> str:
    return str(razorpay.account.create_order(ORDER)["id"])


def send(url: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def click(razorpay: RazorpayServer, action: str, **given: str) -> tuple[int, dict[str, str], Any]:
    body = urlencode({"key": razorpay.key_id, **given}).encode()
    status, headers, answer = send(f"{razorpay.url}/v1/checkout/{action}", body, Origin="https://zupertry.example")
    return status, headers, json.loads(answer)


def test_api_refuses_whoever_has_no_key(razorpay):
    status, _, body = send(f"{razorpay.url}/v1/orders")

    assert status == 401
    assert json.loads(body)["error"] == {
        "code": "BAD_REQUEST_ERROR",
        "description": "Authentication failed",
        "source": "business",
        "step": "payment_initiation",
        "reason": "NA",
        "metadata": {},
    }


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 99},
        {"amount": 100.5},
        {"currency": "USD"},
        {"receipt": "r" * 41},
        {"token": {"max_amount": 1_500_001}, "customer_id": "cust_1"},
        {"surprise": 1},
    ],
)
def test_api_refuses_an_order_that_razorpay_would(razorpay, change):
    with pytest.raises(RefusedError):
        razorpay.account.create_order(ORDER | change)


def test_order_takes_one_payment(razorpay, order_id):
    razorpay.fail(order_id)
    razorpay.pay(order_id)

    with pytest.raises(RefusedError, match="already paid"):
        razorpay.pay(order_id)
    order = razorpay.account.find("order", order_id)
    assert (order["status"], order["attempts"], order["amount_due"]) == ("paid", 2, 0)


def test_refunds_are_counted(razorpay, order_id):
    payment_id = razorpay.pay(order_id)["razorpay_payment_id"]
    payment = razorpay.account.find("payment", payment_id)

    razorpay.refund(payment_id, 1_000)
    assert (payment["status"], payment["refund_status"], payment["amount_refunded"]) == (
        "captured",
        "partial",
        1_000,
    )

    rest = razorpay.refund(payment_id, 176_000)
    assert (payment["status"], payment["refund_status"], payment["amount_refunded"]) == (
        "refunded",
        "full",
        177_000,
    )

    razorpay.fail_refund(rest)
    assert (payment["status"], payment["refund_status"], payment["amount_refunded"]) == (
        "captured",
        "partial",
        1_000,
    )


def test_events_are_signed_and_posted(razorpay, order_id):
    with WebhookReceiver() as receiver:
        razorpay.events_to = receiver.url("/gateway-events/razorpay")
        razorpay.fail(order_id)
        [received] = receiver.wait_for(1)

    signature = hmac.new(razorpay.event_secret.encode(), received.body, hashlib.sha256).hexdigest()
    assert received.headers["x-razorpay-signature"] == signature
    assert received.headers["x-razorpay-event-id"] == razorpay.events[0].id
    assert received.json["event"] == "payment.failed"
    assert received.json["contains"] == ["payment"]
    assert received.json["payload"]["payment"]["entity"]["order_id"] == order_id


def test_events_tell_what_was_so_when_they_happened(razorpay, order_id):
    razorpay.capture_late(order_id)

    statuses = [json.loads(event.body)["payload"]["payment"]["entity"]["status"] for event in razorpay.events]
    assert statuses == ["authorized", "captured", "captured"]


def test_events_come_again_until_they_are_taken(razorpay, order_id):
    with WebhookReceiver(lambda _received: 500 if len(receiver.received) < 2 else 200) as receiver:
        razorpay.events_to = receiver.url()
        razorpay.fail(order_id)
        razorpay.wait_for_events()

    assert {received.headers["x-razorpay-event-id"] for received in receiver.received} == {razorpay.events[0].id}
    assert len(receiver.received) == 3


def test_events_may_be_held_back_and_sent_in_any_order(razorpay, order_id):
    with WebhookReceiver() as receiver:
        razorpay.events_to = receiver.url()
        razorpay.hold_events()
        razorpay.pay(order_id)
        razorpay.wait_for_events()
        assert receiver.received == []

        assert razorpay.deliver([*reversed(razorpay.events), razorpay.events[0]]) == [204] * 4

    assert [received.json["event"] for received in receiver.received] == [
        "order.paid",
        "payment.captured",
        "payment.authorized",
        "payment.authorized",
    ]


def test_events_are_kept_where_nobody_is_to_hear_them(razorpay, order_id):
    razorpay.pay(order_id)
    razorpay.wait_for_events()

    assert [event.type for event in razorpay.events] == ["payment.authorized", "payment.captured", "order.paid"]


def test_event_to_nobody_has_no_status():
    courier = Courier("secret", "http://127.0.0.1:9/nobody")
    courier.holding = True
    courier.tell("payment.failed", payment={"id": "pay_1"})

    assert courier.post(courier.told[0]) == 0


def test_checkout_says_what_it_is(razorpay):
    status, headers, body = send(f"{razorpay.url}/v1/checkout.js")

    assert (status, headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert b"window.Razorpay" in body
    assert "No money moves." in body.decode()


def test_checkout_pays_from_any_page(razorpay, order_id):
    status, headers, answer = click(razorpay, "pay", order_id=order_id, notes='{"payment_id": "pay_1"}')

    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert answer["razorpay_order_id"] == order_id
    payment = razorpay.account.find("payment", answer["razorpay_payment_id"])
    assert (payment["status"], payment["notes"]) == ("captured", {"payment_id": "pay_1"})


def test_checkout_tells_of_a_failure(razorpay, order_id):
    _, _, answer = click(razorpay, "fail", order_id=order_id)

    assert answer["error"]["description"] == "Your payment was declined by the bank."
    assert answer["error"]["metadata"]["order_id"] == order_id


def test_checkout_leaves_a_payment_authorised(razorpay, order_id):
    _, _, answer = click(razorpay, "authorise", order_id=order_id)

    assert razorpay.account.find("payment", answer["razorpay_payment_id"])["status"] == "authorized"


def test_checkout_asks_for_the_key_and_an_order_of_its_own(razorpay, order_id):
    assert click(razorpay, "pay", order_id=order_id, key="rzp_test_other")[0] == 401
    assert click(razorpay, "pay", order_id="order_none")[0] == 400
    assert click(razorpay, "steal", order_id=order_id)[0] == 404
