"""Who buys what from whom in the tests of the Stripe gateway."""

from collections.abc import Callable
from typing import Any

import pytest

from billing.gateways.base import Buyer, Gateway, GatewayError, Order
from billing.gateways.stripe import StripeGateway
from zupertry.testing.stripe import StripeServer

SECRET_KEY = "sk_test_of_the_tests_0001"
SECRETS = ("whsec_current", "whsec_former")
RETURN_URL = "https://app.example.com/billing/payments/pay_1"
ALICE = Buyer(
    organisation_id="org_alice",
    name="Alice GmbH",
    email="alice@example.com",
    phone="+49301234567",
    address="Torstraße 1\nHinterhaus",
    city="Berlin",
    postal_code="10119",
    country="DE",
    tax_id="DE 136 695 976",
)
CHARLIE = Buyer("org_charlie", "Charlie Inc.", "charlie@example.com", country="US", tax_id="12-3456789")


def gateway_at(url: str, *, secret_key: str = SECRET_KEY, **options: Any) -> StripeGateway:
    return StripeGateway(secret_key=secret_key, event_secrets=SECRETS, api_base=url, **options)


def order_for(customer: str, number: int = 1) -> Order:
    return Order(
        payment_id=f"pay_{number}",
        idempotency_key=f"top_up:pay_{number}",
        customer=customer,
        currency="EUR",
        net_minor=4900,
        tax_minor=0,
        description="500 credits",
        return_url=RETURN_URL,
        cancel_url="https://app.example.com/billing",
    )


def paid(stripe: StripeServer, gateway: Gateway, order: Order, card: str = "succeeds") -> str:
    """Pay an order at the checkout, and return the intent."""
    checkout = gateway.open_checkout(order)
    stripe.pay(checkout.reference, card)
    return gateway.look(checkout_reference=checkout.reference, gateway_reference="").gateway_reference


def look(gateway: Gateway, reference: str) -> Any:
    if reference.startswith("cs_"):
        return gateway.look(checkout_reference=reference, gateway_reference="")
    return gateway.look(checkout_reference="", gateway_reference=reference)


def failure(call: Callable[[], object]) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        call()
    return raised.value


def sent(stripe: StripeServer, method: str, path: str) -> list[Any]:
    """The parameters of the requests so far."""
    return [request.params for request in stripe.requests if (request.method, request.path) == (method, path)]
