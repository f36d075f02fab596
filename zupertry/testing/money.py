"""Payments in each state of their lives, and what a gateway would say of them."""

import json
import time
from dataclasses import replace
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import Organisation
from billing import catalogue, details, gateway_events, payments
from billing.gateways.base import Method, MoneyBack, Snapshot, State
from billing.models import BillingDetails, CreditPack, GatewayCustomer, GatewayEvent, Payment
from zupertry.testing.stripe import StripeServer
from zupertry.testing.stripe.events import signature

DETAILS = {
    "EU": {
        "legal_name": "Alice & Co GmbH",
        "email": "money@alice.example.com",
        "phone": "+49301234567",
        "address": "Lindenstraße 1",
        "city": "Berlin",
        "postal_code": "10969",
        "country": "DE",
    },
    "US": {
        "legal_name": "Charlie Ltd",
        "email": "money@charlie.example.com",
        "address": "1 Main Street",
        "city": "Springfield",
        "postal_code": "62701",
        "state": "IL",
        "country": "US",
    },
    "IN": {
        "legal_name": "Asha Fashions Private Limited",
        "email": "money@asha.example.com",
        "phone": "+919876543210",
        "address": "12 MG Road",
        "city": "Bengaluru",
        "postal_code": "560001",
        "state": "29",
        "country": "IN",
    },
}
"""Billing details that hold, by region."""

CARD = Method(reference="pm_card", kind="card", brand="visa", last_four="4242")


def give_details(organisation: Organisation) -> None:
    """Let the organisation have billing details of its region."""
    details.save(organisation, DETAILS[organisation.region], actor="system")


def smallest_pack(organisation: Organisation) -> CreditPack:
    """Return the cheapest pack that the organisation is offered."""
    return catalogue.offer(organisation)[0]


def opened(organisation: Organisation, pack: CreditPack | None = None, **fields: Any) -> Payment:
    """Return a payment that waits at a gateway which nobody will ask."""
    GatewayCustomer.objects.get_or_create(
        organisation=organisation, gateway=catalogue.gateway_for(organisation), reference=f"cus_{organisation.id}"
    )
    serial = Payment.objects.count()
    if not BillingDetails.objects.filter(organisation=organisation).exists():
        give_details(organisation)
    payment = payments.new(
        organisation,
        pack or smallest_pack(organisation),
        details.buyer(organisation),
        actor="user:1",
        idempotency_key=f"k{serial}",
    )
    payment.status, payment.checkout_reference = Payment.Status.OPEN, f"cs_{serial}"
    for name, value in fields.items():
        setattr(payment, name, value)
    payment.save()
    return payment


def seen(payment: Payment, state: State = State.PAID, **changes: Any) -> Snapshot:
    """Return what the gateway says when all is as it was asked; `changes` make it say otherwise."""
    customer = GatewayCustomer.objects.get(organisation_id=payment.organisation_id, gateway=payment.gateway)
    snapshot = Snapshot(
        state=state,
        payment_id=payment.id,
        checkout_reference=payment.checkout_reference,
        gateway_reference=f"pi_{payment.id}",
        amount_minor=payment.amount_minor,
        tax_minor=0,
        currency=payment.currency,
        customer=customer.reference,
        livemode=False,
        created_at=payment.created_at,
    )
    return replace(snapshot, **changes)


def money_back(reference: str, amount_minor: int, kind: str = "refund", *, standing: bool = True) -> MoneyBack:
    """Return a refund or dispute of so much."""
    return MoneyBack(kind, reference, amount_minor, standing=standing, created_at=timezone.now())


def post_event(stripe: StripeServer, event: dict[str, Any], secret: str = "") -> int:
    """Deliver an event of Stripe's to Zupertry, let a worker process what is due, and return the HTTP status."""
    body = json.dumps(event).encode()
    headers = {"Stripe-Signature": signature(body, secret or stripe.sender.secret, int(time.time()))}
    answer = Client().post("/gateway-events/stripe", body, content_type="application/json", headers=headers)
    for stored in GatewayEvent.objects.filter(next_attempt_at__lte=timezone.now()):
        gateway_events.process(stored.id)
    return answer.status_code
