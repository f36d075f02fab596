import json
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.gateways.base import BadSignatureError, Event, Gateway, Order
from billing.gateways.stripe import StripeGateway
from billing.tests.gateways.stripe.purchases import SECRET_KEY, SECRETS, look
from zupertry.testing.stripe import StripeServer
from zupertry.testing.stripe.events import signature

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SESSION = {"id": "cs_1", "object": "checkout.session", "payment_intent": "pi_1", "metadata": {"payment_id": "pay_1"}}
INTENT = {"id": "pi_1", "object": "payment_intent", "metadata": {"payment_id": "pay_1"}}
CHARGE = {"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "metadata": {"payment_id": "pay_1"}}
REFUND = {"id": "re_1", "object": "refund", "payment_intent": "pi_1", "charge": "ch_1", "metadata": {}}
DISPUTE = {"id": "du_1", "object": "dispute", "payment_intent": "pi_1", "charge": "ch_1", "metadata": {}}
METHOD = {"id": "pm_1", "object": "payment_method", "customer": None}


def signed(
    stripe: StripeServer, type_: str, value: dict[str, Any], secret: str = SECRETS[0], age: int = 0
) -> tuple[bytes, dict[str, str]]:
    """Return an event's body and headers, signed `age` seconds before `NOW`."""
    return stripe.signed_event(type_, value, secret, int(NOW.timestamp()) - age)


@pytest.mark.parametrize(
    ("type_", "value", "references"),
    [
        *[
            (f"checkout.session.{what}", SESSION, {"payment_id": "pay_1", "checkout_reference": "cs_1"})
            for what in ("completed", "async_payment_succeeded", "async_payment_failed", "expired")
        ],
        *[
            (f"payment_intent.{what}", INTENT, {"payment_id": "pay_1"})
            for what in ("succeeded", "payment_failed", "requires_action")
        ],
        ("charge.refunded", CHARGE, {"payment_id": "pay_1"}),
        ("charge.refund.updated", REFUND, {}),
        ("refund.failed", REFUND, {}),
        *[
            (f"charge.dispute.{what}", DISPUTE, {})
            for what in ("created", "closed", "funds_withdrawn", "funds_reinstated")
        ],
    ],
)
def test_events_of_payments_refer_to_them(
    stripe: StripeServer, gateway: Gateway, type_: str, value: dict[str, Any], references: dict[str, str]
) -> None:
    body, headers = signed(stripe, type_, value)
    event = gateway.read_event(body, headers, NOW)
    assert event == Event(json.loads(body)["id"], type_, gateway_reference="pi_1", **references)


@pytest.mark.parametrize("what", ["detached", "updated", "automatically_updated"])
def test_events_of_methods_refer_to_them(stripe: StripeServer, gateway: Gateway, what: str) -> None:
    body, headers = signed(stripe, f"payment_method.{what}", METHOD)
    assert gateway.read_event(body, headers, NOW).method_reference == "pm_1"


@pytest.mark.parametrize("type_", ["payment_method.attached", "invoice.paid", "a.type.of.the.future"])
def test_of_other_events_only_their_coming_is_told(stripe: StripeServer, gateway: Gateway, type_: str) -> None:
    body, headers = signed(stripe, type_, {"id": "x_1"})
    assert gateway.read_event(body, headers, NOW) == Event(json.loads(body)["id"], type_)


def test_a_checkout_that_nobody_tried_to_pay_has_no_intent(stripe: StripeServer, gateway: Gateway) -> None:
    body, headers = signed(stripe, "checkout.session.expired", {**SESSION, "payment_intent": None, "metadata": None})
    event = gateway.read_event(body, headers, NOW)
    assert (event.checkout_reference, event.gateway_reference, event.payment_id) == ("cs_1", "", "")


@pytest.mark.parametrize("secret", SECRETS)
def test_each_of_our_secrets_is_accepted(stripe: StripeServer, gateway: Gateway, secret: str) -> None:
    body, headers = signed(stripe, "payment_intent.succeeded", INTENT, secret)
    assert gateway.read_event(body, headers, NOW).gateway_reference == "pi_1"


def test_an_event_that_stripe_signed_with_two_secrets_is_accepted(stripe: StripeServer, gateway: Gateway) -> None:
    body, headers = signed(stripe, "payment_intent.succeeded", INTENT)
    stamp, good = headers["Stripe-Signature"].split(",")
    headers["Stripe-Signature"] = f"{stamp},v1={'0' * 64},{good},v0=old"
    assert gateway.read_event(body, headers, NOW).gateway_reference == "pi_1"


def test_an_event_is_believed_for_300_seconds(stripe: StripeServer, gateway: Gateway) -> None:
    gateway.read_event(*signed(stripe, "payment_intent.succeeded", INTENT, age=300), NOW)
    with pytest.raises(BadSignatureError, match="too long ago"):
        gateway.read_event(*signed(stripe, "payment_intent.succeeded", INTENT, age=301), NOW)


def test_a_younger_time_that_was_not_signed_does_not_make_an_old_event_new(
    stripe: StripeServer, gateway: Gateway
) -> None:
    body, headers = signed(stripe, "payment_intent.succeeded", INTENT, age=900)
    young = f"t={int(NOW.timestamp())}"
    old = headers["Stripe-Signature"]
    for header in (f"{old},{young}", f"{young},{old}"):
        with pytest.raises(BadSignatureError):
            gateway.read_event(body, {"Stripe-Signature": header}, NOW)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=,v1=",
        "v1=abc",
        f"t={int(NOW.timestamp())}",
        f"t={int(NOW.timestamp())},v1=é",
        "t=x,v1=0",
        "nonsense",
    ],
)
def test_a_header_that_signs_nothing_is_refused(stripe: StripeServer, gateway: Gateway, header: str | None) -> None:
    body, _ = signed(stripe, "payment_intent.succeeded", INTENT)
    headers = {} if header is None else {"Stripe-Signature": header}
    with pytest.raises(BadSignatureError):
        gateway.read_event(body, headers, NOW)


def test_forged_events_are_refused(stripe: StripeServer, gateway: Gateway) -> None:
    body, headers = signed(stripe, "payment_intent.succeeded", INTENT)
    for forged in (body.replace(b"pay_1", b"pay_2"), body + b" ", b"\xff" + body, b""):
        with pytest.raises(BadSignatureError):
            gateway.read_event(forged, headers, NOW)
    with pytest.raises(BadSignatureError):
        gateway.read_event(*signed(stripe, "payment_intent.succeeded", INTENT, "whsec_of_another"), NOW)


def test_a_gateway_with_no_secret_believes_nobody(stripe: StripeServer) -> None:
    gateway = StripeGateway(secret_key=SECRET_KEY, event_secrets=[], api_base=stripe.url)
    with pytest.raises(BadSignatureError):
        gateway.read_event(*signed(stripe, "payment_intent.succeeded", INTENT), NOW)


@pytest.mark.parametrize("body", [b"[]", b"no json", b"{}", b'{"id": "evt_1", "type": "charge.refunded", "data": 1}'])
def test_what_is_signed_and_no_event_is_refused(gateway: Gateway, body: bytes) -> None:
    headers = {"Stripe-Signature": signature(body, SECRETS[0], int(NOW.timestamp()))}
    with pytest.raises(BadSignatureError, match="no event"):
        gateway.read_event(body, headers, NOW)


def test_the_events_of_a_purchase_refer_to_it(stripe: StripeServer, gateway: Gateway, order: Order) -> None:
    checkout = gateway.open_checkout(order)
    stripe.pay(checkout.reference)
    intent = look(gateway, checkout.reference).gateway_reference
    stripe.close_dispute(stripe.dispute(intent)["id"], "won")
    events = [read(stripe, gateway, event) for event in stripe.events]
    assert {event.gateway_reference for event in events} == {intent}
    assert [event.type for event in events] == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]


def read(stripe: StripeServer, gateway: Gateway, event: dict[str, Any]) -> Event:
    body = json.dumps(event).encode()
    return gateway.read_event(body, {"Stripe-Signature": signature(body, SECRETS[1], int(NOW.timestamp()))}, NOW)
