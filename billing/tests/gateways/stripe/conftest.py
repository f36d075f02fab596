from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from billing.gateways.base import Gateway, Order
from billing.tests.gateways.stripe.purchases import ALICE, SECRET_KEY, gateway_at, order_for
from zupertry.testing.stripe import StripeServer


@pytest.fixture
def stripe() -> Iterator[StripeServer]:
    with StripeServer(secret_key=SECRET_KEY) as server:
        yield server


@pytest.fixture
def gateway(stripe: StripeServer) -> Gateway:
    return gateway_at(stripe.url)


@pytest.fixture
def customer(gateway: Gateway) -> str:
    return gateway.make_customer(ALICE)


@pytest.fixture
def order(customer: str) -> Order:
    return order_for(customer)


@pytest.fixture
def kept(stripe: StripeServer, gateway: Gateway, order: Order) -> Callable[[str], str]:
    """Return a function that pays a first order with a card, and returns what was kept of it."""

    def keep(card: str) -> str:
        checkout = gateway.open_checkout(replace(order, idempotency_key=f"keep:{card}", keep_method=True))
        stripe.pay(checkout.reference, card)
        method = gateway.look(checkout_reference=checkout.reference, gateway_reference="").method
        assert method
        return method.reference

    return keep
