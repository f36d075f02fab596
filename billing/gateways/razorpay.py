"""Razorpay: orders that the buyer pays in its form on our page, and card mandates that are charged while they are away.

Orders and Checkout: https://razorpay.com/docs/payments/payment-gateway/web-integration/standard/integration-steps
Mandates: https://razorpay.com/docs/api/payments/recurring-payments/cards · events: https://razorpay.com/docs/webhooks
"""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from billing.gateways import razorpay_entities as entities
from billing.gateways.base import (
    BadSignatureError,
    Buyer,
    Checkout,
    CheckoutForm,
    Event,
    GatewayError,
    Method,
    MoneyBack,
    Order,
    Snapshot,
    State,
)
from billing.gateways.measuring import measured
from billing.gateways.razorpay_client import Entity, RazorpayClient, RefusedError

LARGEST_MANDATE_MINOR = 1_500_000
"""The most that a mandate lets be taken at once without the card's owner: ₹15,000, by the Reserve Bank of India."""

_OWN_API = "https://api.razorpay.com"
_OWN_CHECKOUT = "https://checkout.razorpay.com"
_CAPTURE_MINUTES = 7_200  # the longest: what a bank authorises days later is still ours
_MANDATE_SECONDS = 10 * 365 * 86_400
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9.'/@()]+")


@measured
class RazorpayGateway:
    """Takes rupees. `livemode` follows from the key: test keys begin with `rzp_test_`.

    `event_secrets` are all that an event may be signed with, so that one can be replaced by another. `api_base` is
    `https://api.razorpay.com`, or the address of another server that speaks the same protocol, Checkout included.
    """

    name = "razorpay"

    def __init__(self, key_id: str, key_secret: str, event_secrets: Sequence[str], api_base: str) -> None:
        self.livemode = key_id.startswith("rzp_live_")
        self._key_id, self._key_secret = key_id, key_secret
        self._event_secrets = event_secrets
        self._checkout = _OWN_CHECKOUT if api_base == _OWN_API else api_base
        self._razorpay = RazorpayClient(key_id, key_secret, api_base)

    def page_of(self, gateway_reference: str) -> str:
        """Return the address of a payment in Razorpay's dashboard, where a switch chooses live or test mode."""
        return f"https://dashboard.razorpay.com/app/payments/{gateway_reference}"

    def make_customer(self, buyer: Buyer) -> str:
        """Make the buyer known and return `cust_…`. Razorpay has one customer for each pair of address and phone."""
        wanted = {
            **_customer(buyer),
            **({"gstin": buyer.tax_id} if buyer.tax_id else {}),
            "fail_existing": "0",
            "notes": {"organisation_id": buyer.organisation_id},
        }
        customer = self._razorpay.ask(self._razorpay.customers.create, data=wanted)
        if customer.part("notes").text("organisation_id") not in ("", buyer.organisation_id):
            raise GatewayError("Another organisation has this e-mail address and phone number.", permanent=True)
        return customer.id

    def update_customer(self, customer: str, buyer: Buyer) -> None:
        """Tell Razorpay the buyer's new details."""
        self._razorpay.ask(self._razorpay.customers.edit, customer, data=_customer(buyer))

    def open_checkout(self, order: Order) -> Checkout:
        """Make an order, once: its receipt is our payment's id. Our own page shows the form, so there is no `url`."""
        return Checkout(self._order(_order_to_pay(order)).id)

    def checkout_form(self, order: Order, checkout_reference: str, buyer: Buyer) -> CheckoutForm:
        """Return Checkout's script, and its options without the callbacks."""
        options: dict[str, Any] = {
            "key": self._key_id,
            "order_id": checkout_reference,
            "amount": _amount(order),
            "currency": order.currency,
            "name": "Zupertry",
            "description": order.description,
            "prefill": {"name": buyer.name, "email": buyer.email, "contact": buyer.phone},
            "notes": {"payment_id": order.payment_id},
        }
        if order.keep_method:
            options |= {"customer_id": order.customer, "recurring": "1"}
        return CheckoutForm(f"{self._checkout}/v1/checkout.js", options)

    def is_answer_of(self, checkout_reference: str, answer: Mapping[str, str]) -> bool:
        """Check the signature: it must be over the order that we stored, whatever order the answer names."""
        paid = f"{checkout_reference}|{answer.get('razorpay_payment_id', '')}"
        return _is_signature(answer.get("razorpay_signature", ""), self._key_secret, paid.encode())

    def charge(self, order: Order, method: str, buyer: Buyer) -> Snapshot:
        """Charge a card by its mandate. The bank tells the buyer first and pays a day or two later: `PROCESSING`.

        An order that has a payment is left as it is, so that a call whose answer was lost may be repeated.
        """
        made = self._order(_order_to_charge(order))
        begun = self._look_at(made)
        if begun.gateway_reference:
            return begun
        try:
            self._razorpay.ask(self._razorpay.payments.createRecurring, data=_charge(order, made.id, method, buyer))
        except RefusedError as refusal:
            if refusal.status != 400 or not refusal.permanent:
                raise
            return self._refused(made, refusal)
        return self._look_at_begun(made)

    def begun(self, order: Order) -> Snapshot | None:
        """Look at the order that a charge makes first, if it came so far, and at its payment."""
        made = self._made(order.payment_id)
        seen = self._look_at(made) if made else None
        return seen if seen and seen.gateway_reference else None

    def authenticate(self, gateway_reference: str, return_url: str) -> str:
        """Raise `GatewayError`: a mandate needs no confirmation, and a charge that does is refused."""
        raise GatewayError("Razorpay has no page on which a charge is confirmed.", permanent=True)

    def cancel(self, *, checkout_reference: str, gateway_reference: str) -> Snapshot:
        """Return an order that nobody pays as ended. Razorpay itself can neither cancel nor expire an order.

        So a form that is still shown somewhere may be paid; what is paid late counts as it does after three days.
        https://razorpay.com/docs/api/orders
        """
        seen = self.look(checkout_reference=checkout_reference, gateway_reference=gateway_reference)
        return replace(seen, state=State.EXPIRED) if seen.state == State.OPEN else seen

    def look(self, *, checkout_reference: str, gateway_reference: str) -> Snapshot:
        """Return the order as it is now, by the payment that decides it. What is authorised is captured on the way."""
        if checkout_reference:
            return self._look_at(self._razorpay.ask(self._razorpay.orders.fetch, checkout_reference))
        payment = self._razorpay.ask(self._razorpay.payments.fetch, gateway_reference)
        order = self._order_of(payment)
        return self._look_at(order) if order.fields else self._snapshot(order, payment)

    def look_at_method(self, customer: str, method: str) -> Method:
        """Return a saved card as it is now; one that Razorpay does not have is gone."""
        try:
            return entities.method(self._razorpay.ask(self._razorpay.tokens.fetch, customer, method))
        except RefusedError as refusal:
            if not refusal.is_absence:
                raise
            return Method(method, kind="card", usable=False, gone=True)

    def forget_method(self, customer: str, method: str) -> None:
        """Have Razorpay delete a saved card, and with it the mandate."""
        try:
            self._razorpay.ask(self._razorpay.tokens.delete, customer, method)
        except RefusedError as refusal:
            if not refusal.is_absence:
                raise

    def read_event(self, body: bytes, headers: Mapping[str, str], now: datetime) -> Event:
        """Verify `X-Razorpay-Signature`. Razorpay signs no time, so `now` tells nothing; a repeat has the same id."""
        told = {name.lower(): value for name, value in headers.items()}
        signature = told.get("x-razorpay-signature", "")
        if not any(_is_signature(signature, secret, body) for secret in self._event_secrets):
            raise BadSignatureError("The signature is not Razorpay's.")
        if not told.get("x-razorpay-event-id"):
            raise BadSignatureError("The event has no id.")
        return _event(told["x-razorpay-event-id"], _object(body))

    def paid_since(self, since: datetime) -> Iterator[Snapshot]:
        """Go through the captured payments that were begun since then, the latest first."""
        period = {"from": int(since.timestamp()), "to": int(time.time())}
        disputes = list(self._disputes_since(period["from"]))
        for payment in self._razorpay.pages(self._razorpay.payments.all, period):
            if entities.is_captured(payment):
                yield self._snapshot(self._order_of(payment), payment, disputes)

    def money_back_since(self, since: datetime) -> Iterator[str]:
        """Go through the payments that were refunded or disputed since then."""
        period = {"from": int(since.timestamp()), "to": int(time.time())}
        for back in (*self._razorpay.pages(self._razorpay.refunds.all, period), *self._disputes_since(period["from"])):
            yield back.text("payment_id")

    def _order(self, wanted: Mapping[str, Any]) -> Entity:
        """Find the order with this receipt, or make it: Razorpay has no idempotency keys."""
        return self._made(wanted["receipt"]) or self._razorpay.ask(self._razorpay.orders.create, data=wanted)

    def _made(self, receipt: str) -> Entity | None:
        found = self._razorpay.ask(self._razorpay.orders.all, data={"receipt": receipt}).items()
        ours = [order for order in found if order.text("receipt") == receipt]
        return min(ours, key=lambda order: (order.number("created_at"), order.id), default=None)

    def _order_of(self, payment: Entity) -> Entity:
        order_id = payment.text("order_id")
        return self._razorpay.ask(self._razorpay.orders.fetch, order_id) if order_id else Entity({})

    def _look_at(self, order: Entity) -> Snapshot:
        payment = entities.decisive(self._razorpay.ask(self._razorpay.orders.payments, order.id).items())
        if payment and payment.text("status") == "authorized" and order.part("notes").text("payment_id"):
            payment = self._captured(order, payment)
        return self._snapshot(order, payment)

    def _look_at_begun(self, order: Entity) -> Snapshot:
        """Look at an order that is being charged: no refusal is the last word on it."""
        try:
            return self._look_at(order)
        except GatewayError as error:
            raise GatewayError(error.message, code=error.code) from error

    def _captured(self, order: Entity, payment: Entity) -> Entity:
        """Take what a bank has authorised. If that is refused the payment may have been captured in the meantime."""
        wanted = {"currency": order.text("currency")}
        try:
            return self._razorpay.ask(self._razorpay.payments.capture, payment.id, order.number("amount"), data=wanted)
        except RefusedError:
            again = self._razorpay.ask(self._razorpay.payments.fetch, payment.id)
            if again.text("status") == "authorized":
                raise
            return again

    def _snapshot(self, order: Entity, payment: Entity | None, disputes: Iterable[Entity] | None = None) -> Snapshot:
        """Return the snapshot, with what hangs on a captured payment; `disputes` if they are known already."""
        method, money_back = None, []
        if payment and entities.is_captured(payment):
            method, money_back = self._method_of(payment), self._money_back(payment, disputes)
        return entities.snapshot(order, payment, livemode=self.livemode, method=method, money_back=money_back)

    def _method_of(self, payment: Entity) -> Method | None:
        token, customer = payment.text("token_id"), payment.text("customer_id")
        if not token or not customer:
            return None
        method = self.look_at_method(customer, token)
        return None if method.gone else method

    def _money_back(self, payment: Entity, disputes: Iterable[Entity] | None) -> list[MoneyBack]:
        if disputes is None:
            disputes = self._disputes_since(payment.number("created_at"))
        refunds = self._razorpay.ask(
            self._razorpay.payments.fetch_multiple_refund, payment.id, data={"count": 100}
        ).items()
        ours = [entities.dispute(dispute) for dispute in disputes if dispute.text("payment_id") == payment.id]
        return [*map(entities.refund, refunds), *ours]

    def _disputes_since(self, earliest: int) -> Iterator[Entity]:
        """Go through all disputes since this second: they can't be had by payment. No end is set, as clocks differ."""
        return self._razorpay.pages(self._razorpay.disputes.all, {"from": earliest})

    def _refused(self, order: Entity, refusal: RefusedError) -> Snapshot:
        """Return what a refused charge came to: a failed payment, or none; or another call's, which was first."""
        seen = self._look_at(order)
        if seen.gateway_reference:
            return seen
        return replace(seen, state=State.FAILED, failure=refusal.description, failure_code=refusal.code)


def _amount(order: Order) -> int:
    return order.net_minor + order.tax_minor


def _customer(buyer: Buyer) -> dict[str, Any]:
    """Return the fields that a customer may change."""
    name = _presentable(buyer.name)
    fields = {"name": name if len(name) >= 3 else _presentable(buyer.organisation_id), "email": buyer.email}
    return {**fields, "contact": buyer.phone} if buyer.phone else fields


def _presentable(name: str) -> str:
    """Return what Razorpay takes of a name: 3 to 50 characters of few kinds."""
    return _NOT_IN_A_NAME.sub(" ", name).strip()[:50]


def _order_to_pay(order: Order) -> dict[str, Any]:
    """Return the order that a buyer pays: https://razorpay.com/docs/payments/payments/capture-settings/api."""
    minutes = {"automatic_expiry_period": _CAPTURE_MINUTES, "manual_expiry_period": _CAPTURE_MINUTES}
    capture = {"capture": "automatic", "capture_options": {**minutes, "refund_speed": "normal"}}
    wanted = {**_order(order), "payment": capture}
    if order.keep_method:
        wanted |= {"customer_id": order.customer, "method": "card", "token": _mandate(order)}
    return wanted


def _order_to_charge(order: Order) -> dict[str, Any]:
    wanted = _order(order)
    return {**wanted, "notes": {**wanted["notes"], "buyer": entities.AWAY}, "payment_capture": True}


def _order(order: Order) -> dict[str, Any]:
    return {
        "amount": _amount(order),
        "currency": order.currency,
        "receipt": order.payment_id,
        "notes": {"payment_id": order.payment_id, "customer_id": order.customer},
    }


def _mandate(order: Order) -> dict[str, Any]:
    return {
        "max_amount": min(order.most_minor or LARGEST_MANDATE_MINOR, LARGEST_MANDATE_MINOR),
        "expire_at": int(time.time()) + _MANDATE_SECONDS,
        "frequency": "as_presented",
    }


def _charge(order: Order, order_id: str, method: str, buyer: Buyer) -> dict[str, Any]:
    return {
        "email": buyer.email,
        "contact": buyer.phone,
        "amount": _amount(order),
        "currency": order.currency,
        "order_id": order_id,
        "customer_id": order.customer,
        "token": method,
        "recurring": "1",
        "description": order.description,
        "notes": {"payment_id": order.payment_id},
    }


def _is_signature(claimed: str, secret: str, signed: bytes) -> bool:
    right = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(right.encode(), claimed.encode())


def _object(body: bytes) -> Entity:
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise BadSignatureError("The event is not JSON.") from error
    return Entity(fields if isinstance(fields, dict) else {})


def _event(reference: str, event: Entity) -> Event:
    """Return what an event is about: https://razorpay.com/docs/webhooks/payloads."""
    about = {
        name: event.part("payload").part(name).part("entity")
        for name in ("payment", "order", "refund", "dispute", "token")
    }
    payment, order = about["payment"], about["order"]
    payments = (payment.text("id"), about["refund"].text("payment_id"), about["dispute"].text("payment_id"))
    return Event(
        reference=reference,
        type=event.text("event"),
        payment_id=order.part("notes").text("payment_id"),  # a payment's own notes come through the buyer's browser
        checkout_reference=order.text("id") or payment.text("order_id"),
        gateway_reference=next(filter(None, payments), ""),
        method_reference=about["token"].text("id"),
    )
