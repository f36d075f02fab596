"""A gateway without a wire, for tests that make thousands of payments: it keeps them in memory and forgets nothing.

How Stripe's and Razorpay's wires behave is what `zupertry/testing/stripe` and `razorpay` are for.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.test import override_settings
from django.utils import timezone

from billing.gateways import registry
from billing.gateways.base import (
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

CARD = Method(reference="pm_memory", kind="card", brand="visa", last_four="4242")


class MemoryGateway:
    """Keeps each order once by its idempotency key. `lose_answers` makes the next calls work and then fail."""

    name = "stripe"
    livemode = False

    def __init__(self) -> None:
        self.payments: dict[str, Snapshot] = {}
        self.lose_answers = 0
        self.charges_end: State = State.PAID

    def page_of(self, gateway_reference: str) -> str:
        """Have no dashboard but an address."""
        return f"https://dashboard.example.com/{gateway_reference}"

    def make_customer(self, buyer: Buyer) -> str:
        """Return the one reference of a buyer."""
        return f"cus_{buyer.organisation_id}"

    def update_customer(self, customer: str, buyer: Buyer) -> None:
        """Keep nothing of it."""

    def open_checkout(self, order: Order) -> Checkout:
        """Keep the order, open."""
        self._keep(order, State.OPEN, CARD if order.keep_method else None)
        self._maybe_lose()
        return Checkout(f"cs_{order.payment_id}", "https://checkout.example.com/")

    def checkout_form(self, order: Order, checkout_reference: str, buyer: Buyer) -> CheckoutForm | None:
        """Have a page of its own."""
        return None

    def is_answer_of(self, checkout_reference: str, answer: Mapping[str, str]) -> bool:
        """Sign nothing."""
        return True

    def charge(self, order: Order, method: str, buyer: Buyer) -> Snapshot:
        """End a charge as `charges_end` says."""
        snapshot = self._keep(order, self.charges_end, None)
        self._maybe_lose()
        return snapshot

    def begun(self, order: Order) -> Snapshot | None:
        """Return what is kept, if it is."""
        self._maybe_lose()
        return self.payments.get(order.payment_id)

    def authenticate(self, gateway_reference: str, return_url: str) -> str:
        """Ask nothing."""
        return return_url

    def cancel(self, *, checkout_reference: str, gateway_reference: str) -> Snapshot:
        """End what waits for its buyer."""
        snapshot = self.look(checkout_reference=checkout_reference, gateway_reference=gateway_reference)
        if snapshot.state in (State.OPEN, State.NEEDS_AUTHENTICATION):
            self.end(snapshot.payment_id, State.EXPIRED)
        return self.payments[snapshot.payment_id]

    def look(self, *, checkout_reference: str, gateway_reference: str) -> Snapshot:
        """Return what is kept."""
        self._maybe_lose()
        return self.payments[(checkout_reference or gateway_reference).split("_", 1)[1]]

    def look_at_method(self, customer: str, method: str) -> Method:
        """Return the one card."""
        return CARD

    def forget_method(self, customer: str, method: str) -> None:
        """Forget nothing."""

    def read_event(self, body: bytes, headers: Mapping[str, str], now: datetime) -> Event:
        """Send no events."""
        raise NotImplementedError

    def money_back_since(self, since: datetime) -> Iterator[str]:
        """Return all that anything went back of."""
        return iter([snapshot.gateway_reference for snapshot in self.payments.values() if snapshot.money_back])

    def paid_since(self, since: datetime) -> Iterator[Snapshot]:
        """Return all that is paid."""
        return iter([snapshot for snapshot in self.payments.values() if snapshot.state == State.PAID])

    def end(self, payment_id: str, state: State) -> None:
        """Let a payment end so."""
        self.payments[payment_id] = replace(self.payments[payment_id], state=state)

    def take_back(self, payment_id: str, back: MoneyBack) -> None:
        """Let a refund or dispute be what it is now; the latest word on a reference counts."""
        snapshot = self.payments[payment_id]
        others = [other for other in snapshot.money_back if other.reference != back.reference]
        self.payments[payment_id] = replace(snapshot, money_back=[*others, back])

    def _keep(self, order: Order, state: State, method: Method | None) -> Snapshot:
        made = Snapshot(
            state=state,
            payment_id=order.payment_id,
            checkout_reference="" if method is None and state != State.OPEN else f"cs_{order.payment_id}",
            gateway_reference=f"pi_{order.payment_id}",
            amount_minor=order.net_minor + order.tax_minor,
            tax_minor=0,
            currency=order.currency,
            customer=order.customer,
            livemode=False,
            created_at=timezone.now(),
            method=method,
        )
        return self.payments.setdefault(order.payment_id, made)

    def _maybe_lose(self) -> None:
        if self.lose_answers:
            self.lose_answers -= 1
            raise GatewayError("The answer was lost.")


@contextmanager
def memory_gateway(**options: Any) -> Iterator[MemoryGateway]:
    """Let Stripe be a gateway in memory."""
    entry = {"BACKEND": "zupertry.testing.memory_gateway.MemoryGateway", "OPTIONS": options}
    registry.gateways.take_all()
    with override_settings(PAYMENT_GATEWAYS={"stripe": entry}):
        gateway = registry.gateways["stripe"]
        assert isinstance(gateway, MemoryGateway)
        yield gateway
    registry.gateways.take_all()
