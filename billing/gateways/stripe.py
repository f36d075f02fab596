"""Stripe: its hosted Checkout for a buyer who is there, an off-session PaymentIntent for one who is away.

https://docs.stripe.com/api · Checkout: https://docs.stripe.com/payments/checkout
Charging later: https://docs.stripe.com/payments/save-and-reuse · Idempotency: https://docs.stripe.com/api/idempotent_requests
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import stripe

from billing.gateways.base import (
    UNAUTHORISED,
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
)
from billing.gateways.measuring import measured
from billing.gateways.stripe_objects import (
    CANCELLED_BY_BUYER,
    dispute_of,
    event_of,
    method_of,
    refund_of,
    snapshot_of_intent,
    snapshot_of_session,
)
from billing.gateways.stripe_params import (
    calculation_params,
    charge_params,
    customer_params,
    eu_vat_number,
    session_params,
)

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCancelParams, PaymentIntentCreateParams

API_VERSION = "2026-10-28.endive"
EVENT_TOLERANCE_SECONDS = 300
_PAGE = 100
_CHARGE = ["latest_charge.refunds"]
_WHOLE_SESSION = ["payment_intent.latest_charge.refunds", "payment_intent.payment_method", "invoice"]
_NOT_OUR_KEY = (stripe.AuthenticationError, stripe.PermissionError)
_REFUSALS = (*_NOT_OUR_KEY, stripe.CardError, stripe.IdempotencyError, stripe.InvalidRequestError)

# It would keep an id of this machine in the home directory, and send it along.
stripe.enable_telemetry = False


@measured
class StripeGateway:
    """The account that `secret_key` opens, reached at `api_base`.

    `event_secrets` are the signing secrets of its event destinations; each of them is accepted. `automatic_tax` has
    Stripe Tax add tax to our net prices. `timeout` is in seconds, for connecting and for each wait for data; what may
    pass is tried once more. Stripe's library takes 0.3 s and 30 MB to import, so this module is imported late: by the
    registry of gateways, for the first one who asks.
    """

    name = "stripe"

    def __init__(
        self,
        *,
        secret_key: str,
        event_secrets: Sequence[str],
        api_base: str,
        automatic_tax: bool = False,
        timeout: float = 15.0,
    ) -> None:
        self.livemode = secret_key.startswith(("sk_live_", "rk_live_"))
        self._event_secrets = tuple(event_secrets)
        self._automatic_tax = automatic_tax
        client = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base},
            max_network_retries=1,
            http_client=stripe.RequestsClient(timeout=timeout),
        )
        self._api = client.v1

    def page_of(self, gateway_reference: str) -> str:
        """Return the address of a payment intent in Stripe's dashboard. https://docs.stripe.com/dashboard/basics"""
        return f"https://dashboard.stripe.com/{'' if self.livemode else 'test/'}payments/{gateway_reference}"

    def make_customer(self, buyer: Buyer) -> str:
        """Make the buyer known, once however often it is called, and return `cus_…`.

        What is sent under the idempotency key never changes, so that a second try may come with other details.
        """
        with _asking():
            customer = self._api.customers.create(
                {"metadata": {"organisation_id": buyer.organisation_id}},
                {"idempotency_key": f"customer:{buyer.organisation_id}"},
            )
            reference = _id(customer)
        self.update_customer(reference, buyer)
        return reference

    def update_customer(self, customer: str, buyer: Buyer) -> None:
        """Tell Stripe the buyer's new details, which appear on its invoices."""
        with _asking():
            _id(self._api.customers.update(customer, customer_params(buyer)))
            self._keep_tax_id(customer, eu_vat_number(buyer))

    def open_checkout(self, order: Order) -> Checkout:
        """Begin a purchase on Stripe's own page; the same order again gives the same checkout."""
        with _asking():
            session = self._api.checkout.sessions.create(
                session_params(order, automatic_tax=self._automatic_tax), {"idempotency_key": _session_key(order)}
            )
            return Checkout(_id(session), session.url or "")

    def checkout_form(self, order: Order, checkout_reference: str, buyer: Buyer) -> CheckoutForm | None:
        """Return None: Stripe has a page of its own."""
        return None

    def is_answer_of(self, checkout_reference: str, answer: Mapping[str, str]) -> bool:
        """Return True: a returning browser brings nothing that is signed, so the look decides."""
        return True

    def charge(self, order: Order, method: str, buyer: Buyer) -> Snapshot:
        """Charge a kept method while the buyer is away, once however often it is called with the same order.

        A declined card is an outcome: the snapshot is failed, or needs authentication. Raises `GatewayError`, permanent
        only when nothing was begun.
        """
        with _asking():
            try:
                intent = self._api.payment_intents.create(
                    self._off_session(order, method), {"idempotency_key": order.idempotency_key}
                )
                reference = _id(intent)
            except stripe.CardError as error:
                reference = _declined_intent(error)
            except stripe.IdempotencyError as error:
                # It tells nothing about the first request under its key, which may have charged.
                raise GatewayError(_explanation(error)) from None
        # To a request that comes again Stripe repeats its first answer, which may be old by now.
        with _asking(begun=True):
            return self._look_at_intent(reference)

    def begun(self, order: Order) -> Snapshot | None:
        """Look among the customer's latest intents: those of a charge are made with our payment's id."""
        with _asking():
            latest = self._api.payment_intents.list({"customer": order.customer, "limit": _PAGE}).to_dict()["data"]
            ours = [intent["id"] for intent in latest if intent["metadata"].get("payment_id") == order.payment_id]
            return self._look_at_intent(ours[0]) if ours else None

    def authenticate(self, gateway_reference: str, return_url: str) -> str:
        """Confirm a charge anew with its buyer present, and return the address where they authenticate it.

        That is `return_url` itself when their bank wants nothing of them. Raises `GatewayError`, permanent when the
        card is declined or the charge is over.
        """
        with _asking():
            intent = self._api.payment_intents.retrieve(gateway_reference).to_dict()
            if intent["status"] == "requires_payment_method" and intent["last_payment_error"]:
                failed = intent["last_payment_error"]["payment_method"]["id"]
                intent = self._api.payment_intents.confirm(
                    gateway_reference, {"payment_method": failed, "return_url": return_url}
                ).to_dict()
            return _where_to_authenticate(intent, return_url)

    def cancel(self, *, checkout_reference: str, gateway_reference: str) -> Snapshot:
        """Expire an open session, or cancel an intent that waits for its buyer, and return what it is then.

        https://docs.stripe.com/api/checkout/sessions/expire · https://docs.stripe.com/api/payment_intents/cancel
        """
        with _asking():
            try:
                if checkout_reference:
                    _id(self._api.checkout.sessions.expire(checkout_reference))
                else:
                    reason: PaymentIntentCancelParams = {"cancellation_reason": CANCELLED_BY_BUYER}
                    _id(self._api.payment_intents.cancel(gateway_reference, reason))
            except stripe.InvalidRequestError:
                pass  # It waits for nobody any more, or is being paid at this moment: the look tells.
        return self.look(checkout_reference=checkout_reference, gateway_reference=gateway_reference)

    def look(self, *, checkout_reference: str, gateway_reference: str) -> Snapshot:
        """Return the payment as it is now, by its session (`cs_…`) or its intent (`pi_…`); one may be empty."""
        if not (checkout_reference or gateway_reference):
            raise GatewayError("There is nothing to look at.", permanent=True)
        with _asking():
            session = checkout_reference or self._session_of(gateway_reference)
            return self._look_at_session(session) if session else self._look_at_intent(gateway_reference)

    def look_at_method(self, customer: str, method: str) -> Method:
        """Return a kept method (`pm_…`) as it is now; one that Stripe does not have is gone."""
        with _asking():
            try:
                return method_of(self._api.payment_methods.retrieve(method).to_dict(), customer)
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise
                return Method(method, kind="", usable=False, gone=True)

    def forget_method(self, customer: str, method: str) -> None:
        """Have Stripe detach a kept method. One that is detached already, or unknown, is no error."""
        try:
            with _asking():
                _id(self._api.payment_methods.detach(method))
        except GatewayError as error:
            # Stripe has no code of its own for "not attached".
            if not error.permanent or not self.look_at_method(customer, method).gone:
                raise

    def read_event(self, body: bytes, headers: Mapping[str, str], now: datetime) -> Event:
        """Verify an event's signature over the raw body, and say what it is about.

        Raises `BadSignatureError` unless one of our secrets signed it, at most 300 seconds before `now`.
        https://docs.stripe.com/webhooks#verify-manually
        """
        header = headers.get("Stripe-Signature", "")
        if not any(_is_signed(body, header, secret) for secret in self._event_secrets):
            raise BadSignatureError("No secret of ours signed this event.")
        if now.timestamp() - _signed_at(header) > EVENT_TOLERANCE_SECONDS:
            raise BadSignatureError("The event was signed too long ago.")
        try:
            return event_of(json.loads(body))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadSignatureError(f"What was signed is no event: {type(error).__name__}.") from error

    def paid_since(self, since: datetime) -> Iterator[Snapshot]:
        """Go through every PaymentIntent made since then that has succeeded, newest first, refunds and all.

        They are read from the intents alone: `checkout_reference` is empty and `tax_minor` is 0 for those of Checkout.
        """
        with _asking():
            intents = self._api.payment_intents.list(
                {
                    "created": {"gte": int(since.timestamp())},
                    "limit": _PAGE,
                    "expand": [f"data.{path}" for path in _CHARGE],
                }
            )
            for intent in _all(intents):
                if intent["status"] == "succeeded":
                    yield snapshot_of_intent(intent, self._money_back(intent["latest_charge"]))

    def money_back_since(self, since: datetime) -> Iterator[str]:
        """Go through the PaymentIntents that were refunded or disputed since then."""
        period: Any = {"created": {"gte": int(since.timestamp())}, "limit": _PAGE}
        with _asking():
            for back in (*_all(self._api.refunds.list(period)), *_all(self._api.disputes.list(period))):
                if intent := back["payment_intent"]:
                    yield str(intent)

    def _off_session(self, order: Order, method: str) -> PaymentIntentCreateParams:
        params = charge_params(order, method)
        if self._automatic_tax:
            self._add_tax(params, order)
        return params

    def _add_tax(self, params: PaymentIntentCreateParams, order: Order) -> None:
        """Have Stripe Tax work out what Checkout would add. The same order gets the same calculation again.

        https://docs.stripe.com/tax/payment-intent
        """
        calculation = self._api.tax.calculations.create(
            calculation_params(order), {"idempotency_key": f"{order.idempotency_key}:tax"}
        )
        if order.most_minor is not None and calculation.amount_total > order.most_minor:
            raise GatewayError("With tax it is more than may be charged.", permanent=True, code="above_cap")
        params["amount"] = calculation.amount_total
        params["hooks"] = {"inputs": {"tax": {"calculation": _id(calculation)}}}
        params["metadata"] = {"payment_id": order.payment_id, "tax_minor": str(calculation.tax_amount_exclusive)}

    def _keep_tax_id(self, customer: str, number: str) -> None:
        known = {tax_id["value"]: tax_id["id"] for tax_id in _all(self._api.customers.tax_ids.list(customer))}
        for value in known.keys() - {number}:
            self._api.customers.tax_ids.delete(customer, known[value])
        if number and number not in known:
            self._api.customers.tax_ids.create(customer, {"type": "eu_vat", "value": number})

    def _session_of(self, intent: str) -> str:
        found = self._api.checkout.sessions.list({"payment_intent": intent, "limit": 1}).data
        return _id(found[0]) if found else ""

    def _look_at_session(self, reference: str) -> Snapshot:
        session = self._api.checkout.sessions.retrieve(reference, {"expand": _WHOLE_SESSION}).to_dict()
        intent = session["payment_intent"]
        return snapshot_of_session(session, self._money_back(intent["latest_charge"] if intent else None))

    def _look_at_intent(self, reference: str) -> Snapshot:
        intent = self._api.payment_intents.retrieve(reference, {"expand": _CHARGE}).to_dict()
        return snapshot_of_intent(intent, self._money_back(intent["latest_charge"]))

    def _money_back(self, charge: Mapping[str, Any] | None) -> list[MoneyBack]:
        """Return a charge's refunds and disputes. Most have none, and then nothing more is asked."""
        if charge is None:
            return []
        refunds: Iterable[Mapping[str, Any]] = charge["refunds"]["data"]
        if charge["refunds"]["has_more"]:
            refunds = _all(self._api.refunds.list({"charge": charge["id"], "limit": _PAGE}))
        disputes: Iterable[Mapping[str, Any]] = []
        if charge["disputed"]:
            disputes = _all(self._api.disputes.list({"charge": charge["id"], "limit": _PAGE}))
        return [*map(refund_of, refunds), *map(dispute_of, disputes)]


@contextmanager
def _asking(*, begun: bool = False) -> Iterator[None]:
    """Turn what goes wrong in asking Stripe, or in reading its answer, into a `GatewayError`.

    `begun`: there is a charge already, so no refusal is the last word on it. The library's own exceptions hold the
    whole answer, so they are left behind.
    """
    try:
        yield
    except stripe.StripeError as error:
        permanent = isinstance(error, _REFUSALS) and not begun
        # Not every exception of the library has the code, but the error object that it read does.
        code = UNAUTHORISED if isinstance(error, _NOT_OUR_KEY) else getattr(error.error, "code", None) or ""
        raise GatewayError(_explanation(error), permanent=permanent, code=code) from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise GatewayError(f"Stripe's answer can't be read: {type(error).__name__}.") from None


def _explanation(error: stripe.StripeError) -> str:
    kind = type(error.__cause__ or error).__name__
    if isinstance(error, stripe.APIConnectionError):
        return f"Stripe can't be reached: {kind}."
    if error.error is None:
        return f"Stripe answered {error.http_status}, and not in its own format."
    text = re.sub(r"\b(sk|rk|whsec)_\w+", r"\1_…", error.user_message or "")
    return f"Stripe answered {error.http_status}, {kind}: {text[:500]} ({error.request_id})"


def _declined_intent(error: stripe.CardError) -> str:
    """Return the PaymentIntent that was declined. Raises `error` again if none was made."""
    intent = getattr(error.error, "payment_intent", None)
    if intent is None:
        raise error
    return _id(intent)


def _session_key(order: Order) -> str:
    """Return the key of an order's session. Who lost the answer may tick “keep” yet, which is another request."""
    return f"{order.idempotency_key}:keep" if order.keep_method else order.idempotency_key


def _where_to_authenticate(intent: Mapping[str, Any], return_url: str) -> str:
    if intent["status"] in ("succeeded", "processing"):
        return return_url
    if intent["status"] == "requires_action":
        return str(intent["next_action"]["redirect_to_url"]["url"])
    raise GatewayError(f"The charge is {intent['status']}.", permanent=True)


def _is_signed(body: bytes, header: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, secret))
    except (stripe.SignatureVerificationError, TypeError, ValueError):  # a header that is no ASCII, a body no UTF-8
        return False


def _signed_at(header: str) -> int:
    """Return the time of a verified header. It is its first `t`: that is the one which was signed."""
    return int(next(part[2:] for part in header.split(",") if part.startswith("t=")))


def _id(answer: stripe.StripeObject) -> str:
    """Return the id of an answer. Raises `TypeError` or `KeyError` if it is no object of Stripe's."""
    reference = answer.to_dict()["id"]
    if not isinstance(reference, str):
        raise TypeError(reference)
    return reference


def _all(page: stripe.ListObject[Any]) -> Iterator[dict[str, Any]]:
    for item in page.auto_paging_iter():
        yield item.to_dict()
