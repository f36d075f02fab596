"""What Razorpay's entities mean to us.

Orders: https://razorpay.com/docs/api/orders · payments: https://razorpay.com/docs/api/payments/entity · refunds:
https://razorpay.com/docs/api/refunds · disputes: https://razorpay.com/docs/api/disputes/entity · tokens:
https://razorpay.com/docs/api/payments/recurring-payments/cards/tokens
"""

import calendar
from collections.abc import Sequence
from datetime import date

from billing.gateways.base import Method, MoneyBack, Snapshot, State
from billing.gateways.razorpay_client import Entity

AWAY = "away"
"""What our note `buyer` on an order says when it is to be paid without them."""

_NO_CARD_ENDS_AFTER = 2098  # networks write 12/2099 where they don't tell
_TOKEN_IS_GONE = {"rejected", "cancelled", "expired", "deactivated"}
_DISPUTE_COST_NOTHING = {"won", "closed"}


def decisive(payments: Sequence[Entity]) -> Entity | None:
    """Return the one of an order's payments that says where the order stands: at most one is ever captured."""
    return max(payments, key=lambda payment: (_progress(payment), payment.number("created_at")), default=None)


def is_captured(payment: Entity) -> bool:
    """Say whether its money came to us. That it is `refunded` does not tell: an authorised one is given back too."""
    return payment.flag("captured") or payment.text("status") == "captured"


def snapshot(
    order: Entity, payment: Entity | None, *, livemode: bool, method: Method | None, money_back: Sequence[MoneyBack]
) -> Snapshot:
    """Return what an order and its decisive payment come to. A payment that has no order comes with an empty one.

    Only the order's notes are ours: those of a payment come through the buyer's browser.
    """
    notes, told = order.part("notes"), payment or order
    return Snapshot(
        state=_state(order, payment),
        payment_id=notes.text("payment_id"),
        checkout_reference=order.text("id"),
        gateway_reference=payment.id if payment else "",
        amount_minor=told.number("amount"),
        tax_minor=0,
        currency=told.text("currency"),
        customer=notes.text("customer_id") or told.text("customer_id"),
        livemode=livemode,
        created_at=told.moment("created_at"),
        failure=_failure(payment) if payment else "",
        failure_code=payment.text("error_reason") or payment.text("error_code") if payment else "",
        method=method,
        money_back=tuple(money_back),
    )


def method(token: Entity) -> Method:
    """Return a saved card. It may be charged once its bank has confirmed the mandate, which can take a day."""
    card, status = token.part("card"), token.part("recurring_details").text("status")
    most = token.fields.get("max_amount")
    return Method(
        reference=token.id,
        kind=token.text("method") or "card",
        brand=card.text("network"),
        last_four=card.text("last4")[-4:],
        expires_on=_expires_on(card),
        most_minor=most if isinstance(most, int) else None,
        usable=status == "confirmed",
        gone=status in _TOKEN_IS_GONE,
    )


def refund(entity: Entity) -> MoneyBack:
    """Return a refund: its money is gone from the moment it is asked for, unless it fails."""
    return MoneyBack(
        kind="refund",
        reference=entity.id,
        amount_minor=entity.number("amount"),
        standing=entity.text("status") != "failed",
        created_at=entity.moment("created_at"),
    )


def dispute(entity: Entity) -> MoneyBack:
    """Return a dispute. One that is `closed` was about a suspicion, and took nothing (or a refund did)."""
    return MoneyBack(
        kind="dispute",
        reference=entity.id,
        amount_minor=entity.number("amount"),
        standing=entity.text("status") not in _DISPUTE_COST_NOTHING,
        created_at=entity.moment("created_at"),
    )


def _progress(payment: Entity) -> int:
    if is_captured(payment):
        return 3
    return {"authorized": 2, "created": 1}.get(payment.text("status"), 0)


def _state(order: Entity, payment: Entity | None) -> State:
    """Say where an order stands. A failed payment decides only while nobody is there to try again."""
    if payment is None:
        return State.OPEN
    if is_captured(payment):
        return State.PAID
    if payment.text("status") == "authorized":
        return State.PROCESSING
    if order.part("notes").text("buyer") != AWAY:
        return State.OPEN
    return State.PROCESSING if payment.text("status") == "created" else State.FAILED


def _failure(payment: Entity) -> str:
    if payment.text("status") == "refunded" and not is_captured(payment):
        return "The bank authorised the payment too late, and it went back to the buyer."
    return payment.text("error_description")


def _expires_on(card: Entity) -> date | None:
    month, year = card.fields.get("expiry_month"), card.fields.get("expiry_year")
    if not isinstance(month, int) or not isinstance(year, int):
        return None
    if not 1 <= month <= 12 or not 2000 <= year <= _NO_CARD_ENDS_AFTER:
        return None
    return date(year, month, calendar.monthrange(year, month)[1])
