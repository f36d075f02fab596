"""The objects of the API as they are when new, with every reference unexpanded."""

import secrets
import time
from typing import Any

from zupertry.testing.stripe.cards import Card
from zupertry.testing.stripe.forms import Params

Object = dict[str, Any]
TAX_PERCENT = 20
_DAY = 24 * 60 * 60


def new_object(prefix: str, kind: str, *, livemode: bool, **fields: Any) -> Object:
    """Return an object with an id of its own, made now."""
    return {
        "id": f"{prefix}_{secrets.token_hex(12)}",
        "object": kind,
        "created": int(time.time()),
        "livemode": livemode,
        "metadata": {},
        **fields,
    }


def new_customer(params: Params, *, livemode: bool) -> Object:
    """https://docs.stripe.com/api/customers/object"""
    customer = new_object("cus", "customer", livemode=livemode, name=None, email=None, phone=None, address=None)
    update_customer(customer, params)
    return customer


def update_customer(customer: Object, params: Params) -> None:
    """Change what `params` name: an empty text deletes."""
    for name in params.keys() & {"name", "email", "phone"}:
        customer[name] = params[name] or None
    if "address" in params:
        customer["address"] = {name: value or None for name, value in params["address"].items()}
    customer["metadata"] |= params.get("metadata", {})


def new_session(params: Params, *, livemode: bool, page_url: str) -> Object:
    """https://docs.stripe.com/api/checkout/sessions/object. Tax, where it is automatic, is 20 % of the price."""
    items = params["line_items"]
    subtotal = sum(int(item["price_data"]["unit_amount"]) * int(item["quantity"]) for item in items)
    automatic_tax = params.get("automatic_tax", {}).get("enabled") == "true"
    tax = tax_on(subtotal) if automatic_tax else 0
    session = new_object(
        "cs_live" if livemode else "cs_test",
        "checkout.session",
        livemode=livemode,
        amount_subtotal=subtotal,
        amount_total=subtotal + tax,
        automatic_tax={"enabled": automatic_tax, "status": "complete" if automatic_tax else None},
        cancel_url=params.get("cancel_url"),
        client_reference_id=params.get("client_reference_id"),
        currency=items[0]["price_data"]["currency"],
        customer=params["customer"],
        customer_details=None,
        invoice=None,
        mode="payment",
        payment_intent=None,
        payment_status="unpaid",
        status="open",
        success_url=params["success_url"],
        total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": tax},
        ui_mode="hosted_page",
    )
    session["expires_at"] = session["created"] + _DAY
    session["metadata"] = params.get("metadata", {})
    session["url"] = page_url + session["id"]
    return session


def new_intent(params: Params, *, livemode: bool) -> Object:
    """https://docs.stripe.com/api/payment_intents/object"""
    return new_object(
        "pi",
        "payment_intent",
        livemode=livemode,
        amount=int(params["amount"]),
        amount_capturable=0,
        amount_received=0,
        canceled_at=None,
        cancellation_reason=None,
        capture_method="automatic",
        confirmation_method="automatic",
        currency=params["currency"],
        customer=params["customer"],
        description=params.get("description"),
        hooks=params.get("hooks"),
        last_payment_error=None,
        latest_charge=None,
        next_action=None,
        payment_method=None,
        payment_method_types=["card", "us_bank_account"],
        processing=None,
        setup_future_usage=params.get("setup_future_usage"),
        status="requires_payment_method",
    ) | {"metadata": params.get("metadata", {})}


def new_charge(intent: Object, method: Object, status: str, *, page_url: str) -> Object:
    """https://docs.stripe.com/api/charges/object. `status` is `succeeded`, `pending` or `failed`."""
    charge = new_object(
        "ch",
        "charge",
        livemode=intent["livemode"],
        amount=intent["amount"],
        amount_captured=intent["amount"] if status == "succeeded" else 0,
        amount_refunded=0,
        captured=status == "succeeded",
        currency=intent["currency"],
        customer=intent["customer"],
        disputed=False,
        failure_code=None,
        failure_message=None,
        paid=status != "failed",
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details={"type": method["type"], method["type"]: method[method["type"]]},
        refunded=False,
        status=status,
    )
    return charge | {"metadata": dict(intent["metadata"]), "receipt_url": f"{page_url}{charge['id']}"}


def new_method(card: Card, *, livemode: bool) -> Object:
    """https://docs.stripe.com/api/payment_methods/object. It is nobody's yet."""
    details: Object = {"bank_name": "STRIPE TEST BANK", "account_type": "checking"}
    if card.kind == "card":
        year = time.gmtime().tm_year + 3
        details = {"brand": "visa", "display_brand": "visa", "exp_month": 4, "exp_year": year, "funding": "credit"}
    details["last4"] = card.last_four
    return new_object(
        "pm",
        "payment_method",
        livemode=livemode,
        allow_redisplay="unspecified",
        customer=None,
        type=card.kind,
        **{card.kind: details},
    )


def new_invoice(session: Object, number: str, metadata: Params, *, page_url: str) -> Object:
    """https://docs.stripe.com/api/invoices/object, of a checkout that was paid."""
    invoice = new_object(
        "in",
        "invoice",
        livemode=session["livemode"],
        amount_paid=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        number=number,
        status="paid",
        subtotal=session["amount_subtotal"],
        total=session["amount_total"],
    )
    address = f"{page_url}{invoice['id']}"
    return invoice | {"metadata": metadata, "hosted_invoice_url": address, "invoice_pdf": f"{address}/pdf"}


def new_refund(charge: Object, amount: int, status: str) -> Object:
    """https://docs.stripe.com/api/refunds/object"""
    refund = new_object(
        "re",
        "refund",
        livemode=charge["livemode"],
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        failure_reason=None,
        payment_intent=charge["payment_intent"],
        reason="requested_by_customer",
        status=status,
    )
    del refund["livemode"]  # A refund has none.
    return refund


def new_dispute(charge: Object, amount: int, status: str) -> Object:
    """https://docs.stripe.com/api/disputes/object. An inquiry (`warning_…`) withdraws nothing."""
    withdrawn = [] if status.startswith("warning_") else [{"object": "balance_transaction", "amount": -amount}]
    return new_object(
        "du",
        "dispute",
        livemode=charge["livemode"],
        amount=amount,
        balance_transactions=withdrawn,
        charge=charge["id"],
        currency=charge["currency"],
        is_charge_refundable=False,
        payment_intent=charge["payment_intent"],
        reason="fraudulent",
        status=status,
    )


def tax_on(amount: int) -> int:
    """Return the tax that the fake adds to a net amount, in minor units."""
    return amount * TAX_PERCENT // 100
