from billing.gateways.base import Gateway, Order, State
from billing.tests.gateways.stripe.purchases import failure, look, order_for
from zupertry.testing.stripe import StripeServer


def cancel(gateway: Gateway, reference: str) -> State:
    references = {"checkout_reference": "", "gateway_reference": ""}
    kind = "checkout_reference" if reference.startswith("cs_") else "gateway_reference"
    return gateway.cancel(**{**references, kind: reference}).state


def test_an_open_checkout_expires_and_again_it_is_no_error(gateway: Gateway, order: Order) -> None:
    checkout = gateway.open_checkout(order)

    assert [cancel(gateway, checkout.reference) for _ in range(2)] == [State.EXPIRED, State.EXPIRED]
    assert look(gateway, checkout.reference).state == State.EXPIRED


def test_what_is_paid_or_on_its_way_stays_so(stripe: StripeServer, gateway: Gateway, customer: str) -> None:
    for number, (card, state) in enumerate({"succeeds": State.PAID, "bank_debit": State.PROCESSING}.items()):
        checkout = gateway.open_checkout(order_for(customer, number))
        stripe.pay(checkout.reference, card)
        assert cancel(gateway, checkout.reference) == state


def test_a_charge_that_waits_for_its_buyer_is_canceled(gateway: Gateway, order: Order, kept) -> None:
    method = kept("needs_authentication_later")
    charged = gateway.charge(order, method, buyer=None)  # type: ignore[arg-type]
    assert charged.state == State.NEEDS_AUTHENTICATION

    assert [cancel(gateway, charged.gateway_reference) for _ in range(2)] == [State.EXPIRED, State.EXPIRED]


def test_a_charge_that_is_paid_is_not(gateway: Gateway, order: Order, kept) -> None:
    charged = gateway.charge(order, kept("succeeds"), buyer=None)  # type: ignore[arg-type]
    assert cancel(gateway, charged.gateway_reference) == State.PAID


def test_when_stripe_is_down_or_has_no_such_checkout_that_is_told(
    stripe: StripeServer, gateway: Gateway, order: Order
) -> None:
    checkout = gateway.open_checkout(order)
    stripe.break_next(2)
    assert not failure(lambda: cancel(gateway, checkout.reference)).permanent
    stripe.mend()
    assert look(gateway, checkout.reference).state == State.OPEN
    assert failure(lambda: cancel(gateway, "cs_of_nobody")).permanent
