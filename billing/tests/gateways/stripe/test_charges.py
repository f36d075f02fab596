from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from billing.gateways.base import Gateway, GatewayError, Order, State
from billing.tests.gateways.stripe.purchases import ALICE, RETURN_URL, failure, gateway_at, look, order_for, sent
from zupertry.testing.stripe import StripeServer


def test_a_kept_card_is_charged_while_its_buyer_is_away(
    stripe: StripeServer, gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    method = kept("succeeds")
    snapshot = gateway.charge(order_for(customer, 2), method, ALICE)
    assert snapshot.state == State.PAID
    assert (snapshot.payment_id, snapshot.checkout_reference, snapshot.customer) == ("pay_2", "", customer)
    assert (snapshot.amount_minor, snapshot.tax_minor, snapshot.currency) == (4900, 0, "EUR")
    assert (snapshot.method, snapshot.invoice_number) == (None, "")
    assert snapshot.invoice_url.startswith(f"{stripe.url}/receipts/ch_")
    assert look(gateway, snapshot.gateway_reference) == snapshot
    (params,) = sent(stripe, "POST", "/v1/payment_intents")
    assert (params["off_session"], params["confirm"], params["return_url"]) == ("true", "true", RETURN_URL)


def test_a_charge_is_made_once_however_often_it_is_asked_for(
    stripe: StripeServer, gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    method, order = kept("succeeds"), order_for(customer, 2)
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: outcome_of(gateway, order, method), range(4)))
    assert {outcome for outcome in outcomes if outcome} == {gateway.charge(order, method, ALICE).gateway_reference}
    assert len(stripe.all("payment_intent", status="succeeded")) == 2  # the first one kept the card


def outcome_of(gateway: Gateway, order: Order, method: str) -> str:
    """The intent, or nothing where the key was in use."""
    try:
        return gateway.charge(order, method, ALICE).gateway_reference
    except GatewayError as error:
        return "permanent" if error.permanent else ""


def test_a_charge_that_comes_again_tells_what_is_so_now(
    stripe: StripeServer, gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    method, order = kept("succeeds"), order_for(customer, 2)
    first = gateway.charge(order, method, ALICE)
    stripe.refund(first.gateway_reference, 100)
    assert [back.amount_minor for back in gateway.charge(order, method, ALICE).money_back] == [100]


def test_a_declined_charge_is_an_outcome_and_no_error(
    stripe: StripeServer, gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    method = kept("declined_later")
    snapshot = gateway.charge(order_for(customer, 2), method, ALICE)
    assert (snapshot.state, snapshot.failure_code) == (State.FAILED, "card_declined")
    assert snapshot.failure == "Your card was declined."
    assert snapshot.payment_id == "pay_2"
    assert gateway.charge(order_for(customer, 2), method, ALICE) == snapshot


def test_a_charge_that_wants_its_buyer_is_authenticated_and_paid(
    stripe: StripeServer, gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    waiting = gateway.charge(order_for(customer, 2), kept("needs_authentication_later"), ALICE)
    assert (waiting.state, waiting.failure_code) == (State.NEEDS_AUTHENTICATION, "authentication_required")
    address = gateway.authenticate(waiting.gateway_reference, f"{RETURN_URL}?x=1")
    assert address == f"{stripe.url}/challenge/{waiting.gateway_reference}"
    assert look(gateway, waiting.gateway_reference).state == State.NEEDS_AUTHENTICATION
    assert gateway.authenticate(waiting.gateway_reference, f"{RETURN_URL}?x=1") == address
    back = stripe.challenge(waiting.gateway_reference)
    assert back == f"{RETURN_URL}?x=1&payment_intent={waiting.gateway_reference}&redirect_status=succeeded"
    assert look(gateway, waiting.gateway_reference).state == State.PAID
    assert gateway.authenticate(waiting.gateway_reference, RETURN_URL) == RETURN_URL


def test_an_authentication_that_failed_may_be_tried_again(
    stripe: StripeServer, gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    intent = gateway.charge(order_for(customer, 2), kept("needs_authentication_later"), ALICE).gateway_reference
    gateway.authenticate(intent, RETURN_URL)
    stripe.challenge(intent, ok=False)
    failed = look(gateway, intent)
    assert (failed.state, failed.failure_code) == (State.FAILED, "payment_intent_authentication_failure")
    gateway.authenticate(intent, RETURN_URL)
    stripe.challenge(intent)
    assert look(gateway, intent).state == State.PAID


def test_a_buyers_bank_that_wants_nothing_sends_them_straight_back(
    stripe: StripeServer, gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    method = kept("needs_authentication_later")
    intent = gateway.charge(order_for(customer, 2), method, ALICE).gateway_reference
    stripe.become(method, "succeeds")
    assert gateway.authenticate(intent, RETURN_URL) == RETURN_URL
    assert look(gateway, intent).state == State.PAID


def test_a_card_that_is_declined_when_its_buyer_comes_is_refused_for_good(
    gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    intent = gateway.charge(order_for(customer, 2), kept("declined_later"), ALICE).gateway_reference
    error = failure(lambda: gateway.authenticate(intent, RETURN_URL))
    assert (error.permanent, error.code) == (True, "card_declined")


def test_a_canceled_charge_cannot_be_authenticated(
    stripe: StripeServer, gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    intent = gateway.charge(order_for(customer, 2), kept("needs_authentication_later"), ALICE).gateway_reference
    stripe.objects[intent]["status"] = "canceled"
    assert look(gateway, intent).state == State.FAILED
    assert failure(lambda: gateway.authenticate(intent, RETURN_URL)).permanent


def test_tax_on_a_charge_is_worked_out_once_and_told_in_every_look(
    stripe: StripeServer, kept: Callable[[str], str], customer: str
) -> None:
    method, gateway = kept("succeeds"), gateway_at(stripe.url, automatic_tax=True)
    snapshot = gateway.charge(order_for(customer, 2), method, ALICE)
    assert (snapshot.amount_minor, snapshot.tax_minor) == (5880, 980)
    assert gateway.charge(order_for(customer, 2), method, ALICE) == snapshot
    (calculation,) = stripe.all("tax.calculation")
    hooks = stripe.objects[snapshot.gateway_reference]["hooks"]
    assert hooks == {"inputs": {"tax": {"calculation": calculation["id"]}}}


def test_with_its_tax_a_charge_is_never_more_than_it_may_be(
    stripe: StripeServer, kept: Callable[[str], str], customer: str
) -> None:
    method, gateway = kept("succeeds"), gateway_at(stripe.url, automatic_tax=True)
    before = len(stripe.all("payment_intent"))
    refused = failure(lambda: gateway.charge(replace(order_for(customer, 2), most_minor=5879), method, ALICE))
    assert (refused.permanent, refused.code) == (True, "above_cap")
    assert len(stripe.all("payment_intent")) == before
    assert gateway.charge(replace(order_for(customer, 3), most_minor=5880), method, ALICE).amount_minor == 5880


def test_a_method_that_was_removed_cannot_be_charged_and_nothing_is_begun(
    stripe: StripeServer, gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    method = kept("succeeds")
    stripe.detach(method)
    before = len(stripe.all("payment_intent"))
    assert failure(lambda: gateway.charge(order_for(customer, 2), method, ALICE)).permanent
    assert len(stripe.all("payment_intent")) == before
