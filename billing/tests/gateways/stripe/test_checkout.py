from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from billing.gateways.base import Gateway, Method, Order, State
from billing.gateways.stripe import API_VERSION
from billing.tests.gateways.stripe.purchases import ALICE, RETURN_URL, failure, gateway_at, look, order_for, paid, sent
from zupertry.testing.stripe import StripeServer


def test_a_checkout_says_what_is_sold_to_whom_and_where_to_return(
    stripe: StripeServer, gateway: Gateway, order: Order
) -> None:
    checkout = gateway.open_checkout(order)
    assert checkout.url == f"{stripe.url}/c/pay/{checkout.reference}"
    (params,) = sent(stripe, "POST", "/v1/checkout/sessions")
    assert params == {
        "mode": "payment",
        "customer": order.customer,
        "client_reference_id": "pay_1",
        "line_items": [
            {
                "quantity": "1",
                "price_data": {
                    "currency": "eur",
                    "product_data": {"name": "500 credits"},
                    "unit_amount": "4900",
                    "tax_behavior": "exclusive",
                },
            }
        ],
        "success_url": RETURN_URL,
        "cancel_url": "https://app.example.com/billing",
        "metadata": {"payment_id": "pay_1"},
        "payment_intent_data": {"description": "500 credits", "metadata": {"payment_id": "pay_1"}},
        "invoice_creation": {"enabled": "true", "invoice_data": {"metadata": {"payment_id": "pay_1"}}},
        "automatic_tax": {"enabled": "false"},
        "saved_payment_method_options": {"allow_redisplay_filters": ["always", "limited"]},
        "adaptive_pricing": {"enabled": "false"},
    }


def test_every_request_pins_the_version_of_the_api(stripe: StripeServer, gateway: Gateway, customer: str) -> None:
    assert {request.headers["stripe-version"] for request in stripe.requests} == {API_VERSION}


def test_the_same_order_gives_the_same_checkout(stripe: StripeServer, gateway: Gateway, order: Order) -> None:
    assert gateway.open_checkout(order) == gateway.open_checkout(order)
    assert len(stripe.all("checkout.session")) == 1


def test_another_order_under_the_same_key_is_refused_for_good(gateway: Gateway, order: Order) -> None:
    gateway.open_checkout(order)
    error = failure(lambda: gateway.open_checkout(replace(order, net_minor=1)))
    assert error.permanent
    assert "same parameters" in error.message


def test_an_open_checkout_is_open(gateway: Gateway, order: Order) -> None:
    checkout = gateway.open_checkout(order)
    snapshot = look(gateway, checkout.reference)
    assert (snapshot.state, snapshot.gateway_reference, snapshot.method) == (State.OPEN, "", None)


def test_a_paid_checkout_is_paid_with_its_invoice(stripe: StripeServer, gateway: Gateway, order: Order) -> None:
    checkout = gateway.open_checkout(order)
    assert stripe.pay(checkout.reference) == RETURN_URL
    snapshot = look(gateway, checkout.reference)
    session = stripe.objects[checkout.reference]
    assert snapshot.state == State.PAID
    assert (snapshot.payment_id, snapshot.customer) == ("pay_1", order.customer)
    assert (snapshot.amount_minor, snapshot.tax_minor, snapshot.currency) == (4900, 0, "EUR")
    assert (snapshot.checkout_reference, snapshot.gateway_reference) == (session["id"], session["payment_intent"])
    assert snapshot.invoice_number == "FAKE-0001"
    assert snapshot.invoice_url == f"{stripe.url}/invoices/{session['invoice']}"
    assert snapshot.invoice_pdf_url.endswith("/pdf")
    assert snapshot.money_back == ()
    assert not snapshot.livemode
    assert abs(snapshot.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    for made in (session, stripe.objects[session["payment_intent"]], stripe.objects[session["invoice"]]):
        assert made["metadata"] == {"payment_id": "pay_1"}


def test_a_paid_checkout_is_found_by_its_intent_alone(stripe: StripeServer, gateway: Gateway, order: Order) -> None:
    checkout = gateway.open_checkout(order)
    stripe.pay(checkout.reference)
    snapshot = look(gateway, checkout.reference)
    assert look(gateway, snapshot.gateway_reference) == snapshot


def test_a_look_at_nothing_is_refused(stripe: StripeServer, gateway: Gateway) -> None:
    assert failure(lambda: gateway.look(checkout_reference="", gateway_reference="")).permanent
    assert stripe.requests == []


def test_a_reference_that_stripe_does_not_have_is_refused_for_good(gateway: Gateway) -> None:
    error = failure(lambda: look(gateway, "cs_test_of_another_account"))
    assert (error.permanent, error.code) == (True, "resource_missing")


def test_a_card_is_kept_only_where_the_buyer_asked_for_it(stripe: StripeServer, gateway: Gateway, order: Order) -> None:
    assert stripe.objects[paid(stripe, gateway, order)]["setup_future_usage"] is None
    keeping = gateway.open_checkout(replace(order, idempotency_key="keep", keep_method=True))
    stripe.pay(keeping.reference)
    year = datetime.now(UTC).year + 3
    method = look(gateway, keeping.reference).method
    assert method == Method(method.reference, "card", "Visa", "4242", date(year, 4, 30), usable=True)
    assert stripe.objects[method.reference]["customer"] == order.customer


def test_a_declined_card_leaves_the_checkout_open(stripe: StripeServer, gateway: Gateway, order: Order) -> None:
    checkout = gateway.open_checkout(order)
    assert stripe.pay(checkout.reference, "declined") == checkout.url
    declined = look(gateway, checkout.reference)
    assert (declined.state, declined.failure_code) == (State.OPEN, "card_declined")
    stripe.pay(checkout.reference)
    assert look(gateway, checkout.reference).state == State.PAID


def test_a_checkout_with_a_challenge_is_open_until_it_is_passed(
    stripe: StripeServer, gateway: Gateway, order: Order
) -> None:
    checkout = gateway.open_checkout(order)
    intent = stripe.pay(checkout.reference, "needs_authentication").rpartition("/")[2]
    assert look(gateway, checkout.reference).state == State.OPEN
    assert stripe.challenge(intent) == RETURN_URL
    assert look(gateway, checkout.reference).state == State.PAID


def test_an_expired_checkout_is_expired(stripe: StripeServer, gateway: Gateway, order: Order) -> None:
    checkout = gateway.open_checkout(order)
    stripe.expire(checkout.reference)
    assert look(gateway, checkout.reference).state == State.EXPIRED


@pytest.mark.parametrize(("ok", "state"), [(True, State.PAID), (False, State.FAILED)])
def test_a_bank_debit_is_processing_until_it_settles(
    stripe: StripeServer, gateway: Gateway, order: Order, ok: bool, state: State
) -> None:
    checkout = gateway.open_checkout(replace(order, keep_method=True))
    stripe.pay(checkout.reference, "bank_debit")
    under_way = look(gateway, checkout.reference)
    assert (under_way.state, under_way.method) == (State.PROCESSING, None)
    stripe.settle_bank_debit(checkout.reference, ok=ok)
    settled = look(gateway, checkout.reference)
    assert settled.state == state
    assert settled.failure == ("" if ok else "The customer's bank account has too little money.")
    if ok:
        assert (settled.method.kind, settled.method.brand) == ("us_bank_account", "Stripe Test Bank")
        assert (settled.method.last_four, settled.method.expires_on) == ("6789", None)


def test_automatic_tax_is_part_of_what_is_paid(stripe: StripeServer, order: Order) -> None:
    gateway = gateway_at(stripe.url, automatic_tax=True)
    checkout = gateway.open_checkout(order)
    stripe.pay(checkout.reference)
    snapshot = look(gateway, checkout.reference)
    assert (snapshot.amount_minor, snapshot.tax_minor) == (5880, 980)
    (params,) = sent(stripe, "POST", "/v1/checkout/sessions")
    assert params["automatic_tax"] == {"enabled": "true"}
    assert params["customer_update"] == {"address": "auto", "name": "auto"}


def test_live_keys_are_told_by_their_prefix(stripe: StripeServer, gateway: Gateway) -> None:
    assert not gateway.livemode
    assert gateway_at(stripe.url, secret_key="sk_live_1").livemode
    assert gateway_at(stripe.url, secret_key="rk_live_1").livemode
    assert not gateway_at(stripe.url, secret_key="rk_test_1").livemode


def test_payments_of_a_live_account_are_live() -> None:
    with StripeServer(secret_key="sk_live_1") as stripe:
        gateway = gateway_at(stripe.url, secret_key="sk_live_1")
        checkout = gateway.open_checkout(order_for(gateway.make_customer(ALICE)))
        assert checkout.reference.startswith("cs_live_")
        assert look(gateway, checkout.reference).livemode


def test_stripe_has_a_page_of_its_own_and_signs_no_answers(gateway: Gateway, order: Order) -> None:
    assert gateway.checkout_form(order, "cs_1", ALICE) is None
    assert gateway.is_answer_of("cs_1", {})
