from datetime import UTC, datetime

import pytest

from billing.gateways.base import Gateway, Order
from billing.tests.gateways.stripe.purchases import look, paid
from zupertry.testing.stripe import StripeServer


def test_refunds_stand_while_they_are_under_way_and_until_they_fail(
    stripe: StripeServer, gateway: Gateway, order: Order
) -> None:
    intent = paid(stripe, gateway, order)
    pending = stripe.refund(intent, 1000, status="pending")
    failing = stripe.refund(intent, 500)
    stripe.fail_refund(failing["id"])
    back = {item.reference: item for item in look(gateway, intent).money_back}
    assert back.keys() == {pending["id"], failing["id"]}
    assert {item.kind for item in back.values()} == {"refund"}
    assert (back[pending["id"]].amount_minor, back[pending["id"]].standing) == (1000, True)
    assert (back[failing["id"]].amount_minor, back[failing["id"]].standing) == (500, False)
    assert back[failing["id"]].created_at == datetime.fromtimestamp(failing["created"], UTC)


def test_more_refunds_than_a_charge_shows_are_all_found(stripe: StripeServer, gateway: Gateway, order: Order) -> None:
    intent = paid(stripe, gateway, order)
    made = {stripe.refund(intent, 10)["id"] for _ in range(103)}
    assert {item.reference for item in look(gateway, intent).money_back} == made


@pytest.mark.parametrize(
    ("status", "outcome", "standing"),
    [
        ("needs_response", None, True),
        ("needs_response", "under_review", True),
        ("needs_response", "lost", True),
        ("needs_response", "won", False),
        ("needs_response", "prevented", True),
        ("warning_needs_response", None, False),
        ("warning_needs_response", "warning_closed", False),
        ("warning_needs_response", "prevented", False),
    ],
)
def test_a_dispute_stands_while_it_keeps_our_money(
    stripe: StripeServer, gateway: Gateway, order: Order, status: str, outcome: str | None, standing: bool
) -> None:
    intent = paid(stripe, gateway, order)
    dispute = stripe.dispute(intent, status=status)
    if outcome:
        stripe.close_dispute(dispute["id"], outcome)
    (back,) = look(gateway, intent).money_back
    assert (back.kind, back.reference, back.amount_minor) == ("dispute", dispute["id"], 4900)
    assert back.standing is standing
