"""What we tell Stripe, in its words: the parameters of its requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stdnum.eu.vat import MEMBER_STATES

from billing.gateways.base import Buyer, Order

if TYPE_CHECKING:
    from stripe.params import CustomerUpdateParams, PaymentIntentCreateParams
    from stripe.params.checkout import SessionCreateParams
    from stripe.params.tax import CalculationCreateParams


def session_params(order: Order, *, automatic_tax: bool) -> SessionCreateParams:
    """Return a Checkout Session for `order`. Stripe offers whatever ways to pay the account has switched on.

    https://docs.stripe.com/api/checkout/sessions/create
    """
    metadata = {"payment_id": order.payment_id}
    params: SessionCreateParams = {
        "mode": "payment",
        "customer": order.customer,
        "client_reference_id": order.payment_id,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": order.currency.lower(),
                    "product_data": {"name": order.description},
                    "unit_amount": _amount(order),
                    "tax_behavior": "exclusive",
                },
            }
        ],
        "success_url": order.return_url,
        "cancel_url": order.cancel_url,
        "metadata": metadata,
        "payment_intent_data": {"description": order.description, "metadata": metadata},
        "invoice_creation": {"enabled": True, "invoice_data": {"metadata": metadata}},
        "automatic_tax": {"enabled": automatic_tax},
        # What we have kept is `limited`, and Checkout by itself offers a returning buyer only what is `always`.
        # https://support.stripe.com/questions/prefilling-saved-cards-in-checkout
        "saved_payment_method_options": {"allow_redisplay_filters": ["always", "limited"]},
        # Otherwise the buyer could pay in a currency that is not the price's.
        "adaptive_pricing": {"enabled": False},
    }
    if automatic_tax:
        params["customer_update"] = {"address": "auto", "name": "auto"}
    if order.keep_method:
        params["payment_intent_data"]["setup_future_usage"] = "off_session"
    return params


def charge_params(order: Order, method: str) -> PaymentIntentCreateParams:
    """Return a PaymentIntent that charges `method` at once, its buyer being away.

    https://docs.stripe.com/payments/save-during-payment#charge-saved-payment-method
    """
    return {
        "amount": _amount(order),
        "currency": order.currency.lower(),
        "customer": order.customer,
        "payment_method": method,
        "description": order.description,
        "off_session": True,
        "confirm": True,
        "return_url": order.return_url,
        "metadata": {"payment_id": order.payment_id},
    }


def calculation_params(order: Order) -> CalculationCreateParams:
    """Return the question what tax Checkout would add to `order`: https://docs.stripe.com/tax/payment-intent."""
    return {
        "currency": order.currency.lower(),
        "customer": order.customer,
        "line_items": [{"amount": _amount(order), "reference": order.payment_id, "tax_behavior": "exclusive"}],
    }


def customer_params(buyer: Buyer) -> CustomerUpdateParams:
    """Return the buyer's details. What is empty is sent as such: it deletes what Stripe had."""
    first_line, *other_lines = [line.strip() for line in buyer.address.splitlines()] or [""]
    return {
        "name": buyer.name,
        "email": buyer.email,
        "phone": buyer.phone,
        "address": {
            "line1": first_line,
            "line2": ", ".join(other_lines),
            "city": buyer.city,
            "postal_code": buyer.postal_code,
            "state": buyer.state,
            "country": buyer.country,
        },
    }


def eu_vat_number(buyer: Buyer) -> str:
    """Return the buyer's VAT number as Stripe writes it; empty for one who has none or is not in the EU."""
    return re.sub(r"\W", "", buyer.tax_id).upper() if buyer.country.lower() in MEMBER_STATES else ""


def _amount(order: Order) -> int:
    return order.net_minor + order.tax_minor
