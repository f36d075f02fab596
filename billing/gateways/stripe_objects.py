"""What Stripe's objects say, in our words: plain dictionaries come in, of the API version that `stripe.py` pins.

A missing field is a `KeyError` and a senseless one a `ValueError`: the caller takes both for an unreadable answer.
"""

import calendar
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from billing.gateways.base import Event, Method, MoneyBack, Snapshot, State

Object = Mapping[str, Any]

_INTENT_STATES = {
    "succeeded": State.PAID,
    "processing": State.PROCESSING,
    "requires_capture": State.PROCESSING,
    "requires_action": State.NEEDS_AUTHENTICATION,
    "requires_confirmation": State.OPEN,
    "canceled": State.FAILED,
}
CANCELLED_BY_BUYER: Final = "requested_by_customer"


def snapshot_of_session(session: Object, money_back: Sequence[MoneyBack]) -> Snapshot:
    """Return the payment that a Checkout Session is about; its intent, charge, method and invoice are expanded.

    https://docs.stripe.com/api/checkout/sessions/object
    """
    intent = session["payment_intent"] or {}
    invoice = session["invoice"] or {}
    state = _state_of_session(session, intent)
    return Snapshot(
        state=state,
        payment_id=_payment_id(session),
        checkout_reference=session["id"],
        gateway_reference=intent.get("id", ""),
        amount_minor=session["amount_total"],
        tax_minor=session["total_details"]["amount_tax"],
        currency=session["currency"].upper(),
        customer=reference_of(session["customer"]),
        livemode=session["livemode"],
        created_at=_time(session["created"]),
        failure=_failure(intent, "message"),
        failure_code=_failure(intent, "code"),
        method=_kept_method(intent) if state == State.PAID else None,
        invoice_number=invoice.get("number") or "",
        invoice_url=invoice.get("hosted_invoice_url") or "",
        invoice_pdf_url=invoice.get("invoice_pdf") or "",
        money_back=tuple(money_back),
    )


def snapshot_of_intent(intent: Object, money_back: Sequence[MoneyBack]) -> Snapshot:
    """Return the payment that a PaymentIntent is about; its charge is expanded.

    Outside of Checkout Stripe writes no invoice, so `invoice_url` is its receipt. `tax_minor` is what we noted when the
    charge was made: an intent itself does not say.
    https://docs.stripe.com/api/payment_intents/object
    """
    charge = intent["latest_charge"] or {}
    return Snapshot(
        state=_state_of_intent(intent),
        payment_id=_payment_id(intent),
        checkout_reference="",
        gateway_reference=intent["id"],
        amount_minor=intent["amount"],
        tax_minor=int(intent["metadata"].get("tax_minor", 0)),
        currency=intent["currency"].upper(),
        customer=reference_of(intent["customer"]),
        livemode=intent["livemode"],
        created_at=_time(intent["created"]),
        failure=_failure(intent, "message"),
        failure_code=_failure(intent, "code"),
        invoice_url=charge.get("receipt_url") or "",
        money_back=tuple(money_back),
    )


def method_of(method: Object, customer: str) -> Method:
    """Return a PaymentMethod as `customer` has it: one that is attached to nobody, or to others, is gone.

    https://docs.stripe.com/api/payment_methods/object
    """
    kind = method["type"]
    details = method.get(kind) or {}
    brand = details.get("display_brand") or details.get("brand") or details.get("bank_name") or ""
    gone = reference_of(method["customer"]) != customer
    return Method(
        reference=method["id"],
        kind=kind,
        brand=brand.replace("_", " ").title(),
        last_four=details.get("last4") or "",
        expires_on=_last_day(details["exp_year"], details["exp_month"]) if "exp_year" in details else None,
        usable=not gone,
        gone=gone,
    )


def refund_of(refund: Object) -> MoneyBack:
    """Return a refund. One that is under way counts as money gone, until it fails.

    https://docs.stripe.com/api/refunds/object
    """
    standing = refund["status"] not in ("failed", "canceled")
    return MoneyBack("refund", refund["id"], refund["amount"], standing, _time(refund["created"]))


def dispute_of(dispute: Object) -> MoneyBack:
    """Return a dispute. An inquiry (`warning_…`) takes no money.

    https://docs.stripe.com/api/disputes/object
    """
    return MoneyBack("dispute", dispute["id"], dispute["amount"], _has_taken_money(dispute), _time(dispute["created"]))


def event_of(event: Object) -> Event:
    """Return what an event is about; of a type that we do not know, only that it came.

    https://docs.stripe.com/api/events/types
    """
    read = next((read for prefix, read in _READERS.items() if event["type"].startswith(prefix)), None)
    references = read(event["data"]["object"]) if read else {}
    return Event(reference=event["id"], type=event["type"], **references)


def reference_of(value: Any) -> str:
    """Return the id that stands in an expandable field, expanded or not; empty for null."""
    if isinstance(value, Mapping):
        return str(value["id"])
    return value or ""


def _state_of_session(session: Object, intent: Object) -> State:
    if session["payment_status"] == "paid":
        return State.PAID
    if session["status"] != "complete":
        return State(session["status"])
    # Completed, and the money is on its way, or failed to come.
    lost = intent.get("status") in ("requires_payment_method", "canceled")
    return State.FAILED if lost else State.PROCESSING


def _state_of_intent(intent: Object) -> State:
    if intent["status"] == "canceled" and intent["cancellation_reason"] == CANCELLED_BY_BUYER:
        return State.EXPIRED
    if intent["status"] != "requires_payment_method":
        return _INTENT_STATES[intent["status"]]
    if not intent["last_payment_error"]:
        return State.OPEN
    wants_buyer = _failure(intent, "code") == "authentication_required"
    return State.NEEDS_AUTHENTICATION if wants_buyer else State.FAILED


def _failure(intent: Object, field: str) -> str:
    return (intent.get("last_payment_error") or {}).get(field) or ""


def _kept_method(intent: Object) -> Method | None:
    if intent["setup_future_usage"] != "off_session":
        return None
    return method_of(intent["payment_method"], reference_of(intent["customer"]))


def _has_taken_money(dispute: Object) -> bool:
    if dispute["status"] == "prevented":
        # Either blocked, or settled at once with the buyer's bank: what was withdrawn tells which.
        return bool(sum(transaction["amount"] for transaction in dispute["balance_transactions"]) < 0)
    return not dispute["status"].startswith(("won", "warning_"))


def _of_session(session: Object) -> dict[str, str]:
    return {
        "payment_id": _payment_id(session),
        "checkout_reference": session["id"],
        "gateway_reference": reference_of(session.get("payment_intent")),
    }


def _of_intent(intent: Object) -> dict[str, str]:
    return {"payment_id": _payment_id(intent), "gateway_reference": intent["id"]}


def _of_charge(part: Object) -> dict[str, str]:
    """Of a charge, a refund or a dispute. A charge has its intent's metadata; the others only what they were given."""
    return {"payment_id": _payment_id(part), "gateway_reference": reference_of(part.get("payment_intent"))}


def _of_method(method: Object) -> dict[str, str]:
    return {"method_reference": method["id"]}


_READERS: dict[str, Callable[[Object], dict[str, str]]] = {
    "checkout.session.": _of_session,
    "payment_intent.": _of_intent,
    "charge.": _of_charge,
    "refund.": _of_charge,
    "payment_method.detached": _of_method,
    "payment_method.updated": _of_method,
    "payment_method.automatically_updated": _of_method,
}


def _payment_id(value: Object) -> str:
    return str((value.get("metadata") or {}).get("payment_id", ""))


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _last_day(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])
