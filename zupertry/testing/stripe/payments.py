"""How money moves: checkouts that are paid, charges of kept methods, refunds and disputes, each with its events.

https://docs.stripe.com/payments/paymentintents/lifecycle · https://docs.stripe.com/disputes/how-disputes-work
"""

import copy
import time
from typing import Any
from urllib.parse import urlencode

from zupertry.testing.stripe.account import Account
from zupertry.testing.stripe.cards import CARDS, Card, Outcome
from zupertry.testing.stripe.errors import RefusedError
from zupertry.testing.stripe.events import EventSender
from zupertry.testing.stripe.forms import Params
from zupertry.testing.stripe.objects import (
    Object,
    new_charge,
    new_dispute,
    new_intent,
    new_invoice,
    new_method,
    new_refund,
    new_session,
)

_MESSAGES = {
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "card_declined": "Your card was declined.",
    "insufficient_funds": "The customer's bank account has too little money.",
    "payment_intent_authentication_failure": "The provided PaymentMethod has failed authentication.",
}


class Payments(Account):
    """An account that is paid. Its pages are under `url`."""

    def __init__(self, *, livemode: bool, sender: EventSender, url: str) -> None:
        super().__init__(livemode=livemode)
        self.sender = sender
        self.url = url
        self._cards: dict[str, Card] = {}
        self._asked: dict[str, Params] = {}

    def make_session(self, params: Params) -> Object:
        """Begin a checkout. Raises `RefusedError`."""
        self.get("customer", params["customer"], "customer")
        session = self.add(new_session(params, livemode=self.livemode, page_url=f"{self.url}/c/pay/"))
        self._asked[session["id"]] = params
        return session

    def asked_for(self, session: Object) -> Params:
        """Return what the checkout was made with, which it does not show."""
        return self._asked[session["id"]]

    def make_intent(self, params: Params) -> Object:
        """Make an intent, and charge it at once if `params` say so. Raises `RefusedError`, 402 if it is declined."""
        self.get("customer", params["customer"], "customer")
        if params.get("confirm") == "true":
            self._attached(params)
        intent = self.add(new_intent(params, livemode=self.livemode))
        self.sender.emit("payment_intent.created", intent)
        return self.confirm(intent, params) if params.get("confirm") == "true" else intent

    def confirm(self, intent: Object, params: Params) -> Object:
        """Charge an intent with a kept method. Raises `RefusedError`, 402 if it is declined."""
        if intent["status"] in ("succeeded", "canceled", "processing"):
            raise RefusedError(
                400, f"This PaymentIntent's status is {intent['status']}.", code="payment_intent_unexpected_state"
            )
        method = self._attached({**params, "customer": intent["customer"]})
        off_session = params.get("off_session") == "true"
        outcome = self._cards[method["id"]].later
        self._attempt(intent, method, outcome, off_session=off_session, return_url=params.get("return_url"))
        if error := intent["last_payment_error"]:
            raise RefusedError(402, **_as_arguments(error), payment_intent=copy.deepcopy(intent))
        return intent

    def cancel(self, intent: Object, reason: str | None = None) -> Object:
        """End an intent that waits for its buyer. Raises `RefusedError`."""
        if intent["status"] in ("succeeded", "canceled", "processing"):
            raise RefusedError(
                400,
                f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
                code="payment_intent_unexpected_state",
            )
        intent.update(status="canceled", canceled_at=int(time.time()), cancellation_reason=reason, next_action=None)
        self.sender.emit("payment_intent.canceled", intent)
        return intent

    def pay(self, session_id: str, card: str = "succeeds") -> str:
        """Pay a checkout with one of `CARDS`, and return where the browser goes next."""
        with self.lock:
            session = self._open(session_id)
            method = self.add(new_method(CARDS[card], livemode=self.livemode))
            self._cards[method["id"]] = CARDS[card]
            return self._pay(session, method, CARDS[card].first)

    def offered(self, session: Object) -> list[Object]:
        """Return what the buyer kept earlier and the checkout shows them."""
        options = self._asked[session["id"]].get("saved_payment_method_options", {})
        shown = options.get("allow_redisplay_filters", ["always"])
        kept = self.all("payment_method", customer=session["customer"])
        return [method for method in kept if method["allow_redisplay"] in shown]

    def pay_with_kept(self, session_id: str, method_id: str) -> str:
        """Pay a checkout with what it offers of the buyer's, and return where the browser goes next."""
        with self.lock:
            session = self._open(session_id)
            method = next((method for method in self.offered(session) if method["id"] == method_id), None)
            if method is None:
                raise RefusedError(400, "This checkout does not offer that.")
            return self._pay(session, method, self._cards[method_id].later)

    def become(self, method_id: str, card: str) -> None:
        """Let a kept method behave as another of `CARDS` from now on."""
        with self.lock:
            self._cards[method_id] = CARDS[card]

    def challenge(self, intent_id: str, *, ok: bool = True) -> str:
        """Pass or fail an authentication that is asked for, and return where the browser goes next."""
        with self.lock:
            intent = self._in_state(intent_id, "requires_action")
            return_url = intent["next_action"]["redirect_to_url"]["return_url"]
            method = self.objects[intent["payment_method"]]
            intent["next_action"] = None
            if ok:
                self._succeed(intent, method)
            else:
                self._fail(intent, method, "payment_intent_authentication_failure")
            if session := self._session_of(intent):
                return self._where_next(session, intent)
            result = {"payment_intent": intent_id, "redirect_status": "succeeded" if ok else "failed"}
            return f"{return_url}{'&' if '?' in return_url else '?'}{urlencode(result)}"

    def settle_bank_debit(self, reference: str, *, ok: bool = True) -> None:
        """Let a bank debit that is under way arrive, or fail. `reference` is its session's or its intent's."""
        with self.lock:
            intent = self._in_state(self.objects[reference].get("payment_intent", reference), "processing")
            method = self.objects[intent["payment_method"]]
            if ok:
                self._succeed(intent, method)
            else:
                self._fail(intent, method, "insufficient_funds")
            if session := self._session_of(intent):
                self._settle(session, ok=ok)

    def expire(self, session_id: str) -> Object:
        """End a checkout that nobody paid. Raises `RefusedError` unless it is open."""
        with self.lock:
            session = self.get("checkout.session", session_id)
            if session["status"] != "open":
                raise RefusedError(
                    400,
                    'Only Checkout Sessions with a status in ["open"] can be expired. '
                    f"This Checkout Session has a status of `{session['status']}`.",
                )
            session.update(status="expired", url=None)
            self.sender.emit("checkout.session.expired", session)
            return session

    def refund(self, intent_id: str, amount: int | None = None, status: str = "succeeded") -> Object:
        """Give back `amount` minor units of a payment, all that is left by default."""
        with self.lock:
            charge = self._charge_of(intent_id)
            refund = self.add(new_refund(charge, amount or charge["amount"] - charge["amount_refunded"], status))
            self._count_refunds(charge)
            self.sender.emit("refund.created", refund)
            self.sender.emit("charge.refunded", charge)
            return refund

    def fail_refund(self, refund_id: str) -> None:
        """Let a refund come back from the buyer's bank."""
        with self.lock:
            refund = self.get("refund", refund_id)
            refund.update(status="failed", failure_reason="expired_or_canceled_card")
            self._count_refunds(self.objects[refund["charge"]])
            for type_ in ("refund.updated", "charge.refund.updated", "refund.failed"):
                self.sender.emit(type_, refund)

    def dispute(self, intent_id: str, amount: int | None = None, status: str = "needs_response") -> Object:
        """Have the buyer's bank dispute a payment. `warning_needs_response` is an inquiry, which takes no money."""
        with self.lock:
            charge = self._charge_of(intent_id)
            charge["disputed"] = True
            dispute = self.add(new_dispute(charge, amount or charge["amount"], status))
            self.sender.emit("charge.dispute.created", dispute)
            if dispute["balance_transactions"]:
                self.sender.emit("charge.dispute.funds_withdrawn", dispute)
            return dispute

    def close_dispute(self, dispute_id: str, outcome: str) -> None:
        """End a dispute: `won`, `lost`, `prevented` or `warning_closed`. What was withdrawn comes back if it is won."""
        with self.lock:
            dispute = self.get("dispute", dispute_id)
            dispute["status"] = outcome
            if outcome == "won":
                back = {"object": "balance_transaction", "amount": dispute["amount"]}
                dispute["balance_transactions"].append(back)
                self.sender.emit("charge.dispute.funds_reinstated", dispute)
            self.sender.emit("charge.dispute.closed", dispute)

    def detach(self, method_id: str) -> Object:
        """Take a kept method from its customer. Raises `RefusedError` if it has none."""
        with self.lock:
            method = self.get("payment_method", method_id, "payment_method")
            if method["customer"] is None:
                raise RefusedError(
                    400,
                    "The payment method you provided is not attached to a customer so detachment is impossible.",
                )
            previous = {"customer": method["customer"]}
            method["customer"] = None
            self.sender.emit("payment_method.detached", method, previous_attributes=previous)
            return method

    def _open(self, session_id: str) -> Object:
        session = self.get("checkout.session", session_id)
        if session["status"] != "open":
            raise RefusedError(400, f"This Checkout Session is {session['status']}.")
        return session

    def _in_state(self, intent_id: str, status: str) -> Object:
        intent = self.get("payment_intent", intent_id)
        if intent["status"] != status:
            raise RefusedError(400, f"This PaymentIntent is {intent['status']}.")
        return intent

    def _attached(self, params: Params) -> Object:
        method = self.get("payment_method", params["payment_method"], "payment_method")
        if method["customer"] != params["customer"]:
            raise RefusedError(400, "The PaymentMethod does not belong to this Customer.", param="payment_method")
        return method

    def _session_of(self, intent: Object) -> Object | None:
        return next(iter(self.all("checkout.session", payment_intent=intent["id"])), None)

    def _charge_of(self, intent_id: str) -> Object:
        return self.get("charge", self._in_state(intent_id, "succeeded")["latest_charge"])

    def _intent_of(self, session: Object) -> Object:
        """Return the checkout's intent, which is made when the buyer first tries to pay."""
        if session["payment_intent"] is None:
            amount = {"amount": session["amount_total"], "currency": session["currency"]}
            params = self._asked[session["id"]].get("payment_intent_data", {})
            asked = {**params, **amount, "customer": session["customer"]}
            session["payment_intent"] = self.add(new_intent(asked, livemode=self.livemode))["id"]
        return self.objects[session["payment_intent"]]

    def _pay(self, session: Object, method: Object, outcome: Outcome) -> str:
        intent = self._intent_of(session)
        self._attempt(intent, method, outcome, return_url=session["url"])
        return self._where_next(session, intent)

    def _attempt(
        self, intent: Object, method: Object, outcome: Outcome, *, return_url: str | None, off_session: bool = False
    ) -> None:
        intent.update(payment_method=method["id"], last_payment_error=None, next_action=None)
        if outcome == "succeeds":
            self._succeed(intent, method)
        elif outcome == "processes":
            self._process(intent, method)
        elif outcome == "declines":
            self._fail(intent, method, "card_declined")
        elif off_session:
            self._fail(intent, method, "authentication_required")
        else:
            self._ask_for_authentication(intent, return_url)

    def _succeed(self, intent: Object, method: Object) -> None:
        self._keep(intent, method)
        charge = self._new_charge(intent, method, "succeeded")
        intent.update(status="succeeded", amount_received=intent["amount"])
        self.sender.emit("charge.succeeded", charge)
        self.sender.emit("payment_intent.succeeded", intent)

    def _process(self, intent: Object, method: Object) -> None:
        self._keep(intent, method)
        self._new_charge(intent, method, "pending")
        intent["status"] = "processing"
        self.sender.emit("payment_intent.processing", intent)

    def _fail(self, intent: Object, method: Object, code: str) -> None:
        charge = self._new_charge(intent, method, "failed")
        charge.update(failure_code=code, failure_message=_MESSAGES[code])
        intent.update(status="requires_payment_method", payment_method=None)
        intent["last_payment_error"] = {
            "charge": charge["id"],
            "code": code,
            "decline_code": "generic_decline" if code == "card_declined" else code,
            "message": _MESSAGES[code],
            "payment_method": copy.deepcopy(method),
            "type": "card_error",
        }
        self.sender.emit("charge.failed", charge)
        self.sender.emit("payment_intent.payment_failed", intent)

    def _ask_for_authentication(self, intent: Object, return_url: str | None) -> None:
        address = {"return_url": return_url, "url": f"{self.url}/challenge/{intent['id']}"}
        intent.update(status="requires_action", next_action={"type": "redirect_to_url", "redirect_to_url": address})
        self.sender.emit("payment_intent.requires_action", intent)

    def _new_charge(self, intent: Object, method: Object, status: str) -> Object:
        charge = self.add(new_charge(intent, method, status, page_url=f"{self.url}/receipts/"))
        intent["latest_charge"] = charge["id"]
        return charge

    def _keep(self, intent: Object, method: Object) -> None:
        if intent["setup_future_usage"] and method["customer"] is None:
            method.update(customer=intent["customer"], allow_redisplay="limited")
            self.sender.emit("payment_method.attached", method)

    def _where_next(self, session: Object, intent: Object) -> str:
        """Complete the checkout if the buyer is done, and return the address of the next page."""
        if intent["status"] == "requires_action":
            return str(intent["next_action"]["redirect_to_url"]["url"])
        if intent["status"] == "requires_payment_method":
            return str(session["url"])
        customer = self.objects[session["customer"]]
        details = {name: customer[name] for name in ("address", "email", "name", "phone")}
        session.update(status="complete", url=None, customer_details=details)
        if intent["status"] == "succeeded":
            self._write_invoice(session)
        self.sender.emit("checkout.session.completed", session)
        return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])

    def _settle(self, session: Object, *, ok: bool) -> None:
        if ok:
            self._write_invoice(session)
        self.sender.emit(f"checkout.session.async_payment_{'succeeded' if ok else 'failed'}", session)

    def _write_invoice(self, session: Object) -> None:
        session["payment_status"] = "paid"
        asked = self._asked[session["id"]].get("invoice_creation", {})
        if asked.get("enabled") == "true":
            number = f"FAKE-{len(self.all('invoice')) + 1:04}"
            metadata = asked.get("invoice_data", {}).get("metadata", {})
            session["invoice"] = self.add(new_invoice(session, number, metadata, page_url=f"{self.url}/invoices/"))[
                "id"
            ]

    def _count_refunds(self, charge: Object) -> None:
        refunds = self.all("refund", charge=charge["id"])
        charge["amount_refunded"] = sum(item["amount"] for item in refunds if item["status"] != "failed")
        charge["refunded"] = charge["amount_refunded"] >= charge["amount"]


def _as_arguments(error: Object) -> dict[str, Any]:
    """Return an intent's last error as what `RefusedError` takes."""
    return {"type_" if name == "type" else name: value for name, value in error.items()}
