from collections.abc import Iterator
from dataclasses import replace

import pytest

from billing.gateways.base import Order
from billing.gateways.razorpay import RazorpayGateway
from billing.tests.gateways.razorpay.scenario import ASHA, look
from zupertry.testing.razorpay import RazorpayServer


@pytest.fixture
def razorpay() -> Iterator[RazorpayServer]:
    with RazorpayServer() as server:
        yield server


@pytest.fixture
def gateway(razorpay: RazorpayServer) -> RazorpayGateway:
    return RazorpayGateway(razorpay.key_id, razorpay.key_secret, [razorpay.event_secret], razorpay.url)


@pytest.fixture
def order(gateway: RazorpayGateway) -> Order:
    return Order(
        payment_id="pay_06f2k8v1d4tq5",
        idempotency_key="top_up:1",
        customer=gateway.make_customer(ASHA),
        currency="INR",
        net_minor=150_000,
        tax_minor=27_000,
        description="100 credits",
        return_url="https://zupertry.example/return",
        cancel_url="https://zupertry.example/cancel",
    )


@pytest.fixture
def reload(razorpay: RazorpayServer, gateway: RazorpayGateway, order: Order) -> tuple[Order, str]:
    """An order to charge, and the token of the card that an earlier purchase kept."""
    first = replace(order, payment_id="pay_first", keep_method=True)
    razorpay.pay(gateway.open_checkout(first).reference)
    method = look(gateway, gateway.open_checkout(first)).method
    assert method is not None
    return replace(order, payment_id="pay_reload", idempotency_key="reload:org_asha:1"), method.reference
