from billing.gateways.base import Order, Snapshot, State
from billing.gateways.razorpay import RazorpayGateway
from zupertry.testing.razorpay import RazorpayServer


def cancel(gateway: RazorpayGateway, order: str) -> Snapshot:
    return gateway.cancel(checkout_reference=order, gateway_reference="")


def test_an_order_that_nobody_paid_counts_as_ended(
    razorpay: RazorpayServer, gateway: RazorpayGateway, order: Order
) -> None:
    made = gateway.open_checkout(order).reference
    for attempt in (lambda: None, lambda: razorpay.fail(made), lambda: razorpay.begin(made)):
        attempt()
        assert cancel(gateway, made).state == State.EXPIRED


def test_an_order_that_is_paid_or_authorised_is_paid(
    razorpay: RazorpayServer, gateway: RazorpayGateway, order: Order
) -> None:
    made = gateway.open_checkout(order).reference
    razorpay.authorise(made)
    assert cancel(gateway, made).state == State.PAID
