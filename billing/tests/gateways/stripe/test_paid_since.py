from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from billing.gateways.base import Gateway, Order, State
from billing.tests.gateways.stripe.purchases import ALICE, failure, order_for, paid, sent
from zupertry.testing.stripe import StripeServer


def test_everything_that_was_paid_is_gone_through_page_by_page(
    stripe: StripeServer, gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    method = kept("succeeds")
    kept_by = stripe.all("payment_intent")[0]["id"]
    template = gateway.charge(order_for(customer, 2), method, ALICE)
    clone(stripe, template.gateway_reference, 120)
    gateway.charge(order_for(customer, 3), kept("declined_later"), ALICE)
    stripe.requests.clear()
    found = list(gateway.paid_since(datetime.now(UTC) - timedelta(hours=1)))
    assert len(found) == 120 + 3  # the two that kept a card, the template, its copies; not what was declined
    assert {snapshot.state for snapshot in found} == {State.PAID}
    assert {kept_by, template.gateway_reference} <= {snapshot.gateway_reference for snapshot in found}
    assert len(sent(stripe, "GET", "/v1/payment_intents")) == 2
    assert len(stripe.requests) == 2


def clone(stripe: StripeServer, intent: str, count: int) -> None:
    for number in range(count):
        stripe.add({**stripe.objects[intent], "id": f"pi_{number}"})


def test_what_was_paid_earlier_is_left_out_and_what_went_back_is_told(
    stripe: StripeServer, gateway: Gateway, customer: str
) -> None:
    old, new = (paid(stripe, gateway, order_for(customer, number)) for number in (1, 2))
    stripe.objects[old]["created"] -= 7200
    stripe.refund(new, 300)
    stripe.dispute(new, 200)
    (snapshot,) = gateway.paid_since(datetime.now(UTC) - timedelta(hours=1))
    assert (snapshot.gateway_reference, snapshot.payment_id) == (new, "pay_2")
    assert sorted((item.kind, item.amount_minor) for item in snapshot.money_back) == [("dispute", 200), ("refund", 300)]


def test_a_list_that_breaks_off_is_an_error_and_no_short_list(
    stripe: StripeServer, gateway: Gateway, order: Order
) -> None:
    clone(stripe, paid(stripe, gateway, order), 120)
    found = gateway.paid_since(datetime.now(UTC) - timedelta(hours=1))
    for _ in range(100):
        next(found)
    stripe.break_next(how="500")
    assert not failure(lambda: list(found)).permanent
