from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from accounts.models import Mail, Organisation
from billing import payments
from billing.gateways.registry import gateways
from billing.models import Payment, PaymentMethod
from billing.tests.test_payments import begin
from zupertry.bootstrap import bootstrap
from zupertry.testing.money import give_details
from zupertry.testing.razorpay import RazorpayServer
from zupertry.testing.stripe import StripeServer
from zupertry.testing.world import World

SELLER_GSTIN = "29AAACZ1234A1ZR"


@pytest.fixture
def stripe() -> Iterator[StripeServer]:
    """A Stripe of the test's own, which is the one that Zupertry talks to. Its events are kept and not sent."""
    with StripeServer() as server:
        entry = {
            "BACKEND": "billing.gateways.stripe.StripeGateway",
            "OPTIONS": {
                "secret_key": server.secret_key,
                "event_secrets": [server.sender.secret],
                "api_base": server.url,
                "automatic_tax": False,
            },
        }
        gateways.take_all()
        with override_settings(PAYMENT_GATEWAYS={**settings.PAYMENT_GATEWAYS, "stripe": entry}):
            yield server
        gateways.take_all()


@pytest.fixture
def razorpay() -> Iterator[RazorpayServer]:
    """A Razorpay of the test's own, likewise; the seller is registered in Karnataka."""
    with RazorpayServer() as server:
        entry = {
            "BACKEND": "billing.gateways.razorpay.RazorpayGateway",
            "OPTIONS": {
                "key_id": server.key_id,
                "key_secret": server.key_secret,
                "event_secrets": [server.event_secret],
                "api_base": server.url,
            },
        }
        seller = {"name": "Zupertry India", "address": "12 MG Road, Bengaluru", "gstin": SELLER_GSTIN, "sac": "998319"}
        gateways.take_all()
        with override_settings(PAYMENT_GATEWAYS={**settings.PAYMENT_GATEWAYS, "razorpay": entry}, SELLER=seller):
            yield server
        gateways.take_all()


@pytest.fixture
def asha(db: None) -> Organisation:
    """An organisation in Bengaluru with 100 credits and billing details: it pays in rupees, by Razorpay."""
    made = bootstrap("Asha Fashions", "asha@example.com", "asha-password", "IN", "starter", 100)
    organisation = Organisation.objects.get(pk=made.org_id)
    give_details(organisation)
    return organisation


@pytest.fixture
def alice(world: World) -> Organisation:
    """An organisation in Berlin with 100 credits and billing details: it pays in euros, by Stripe."""
    organisation = world.organisation
    give_details(organisation)
    return organisation


@pytest.fixture
def card(stripe: StripeServer, alice: Organisation) -> str:
    """A card of Alice's that is kept: Stripe's reference."""
    payment = begin(alice, "first", keep_method=True)
    stripe.pay(payment.checkout_reference)
    payments.settle(payment.id)
    Mail.objects.all().delete()
    return PaymentMethod.objects.get().reference


def follow_up(payment: Payment) -> None:
    """Do what the clock does once the payment is due to be looked at, and read it anew."""
    Payment.objects.filter(pk=payment.pk).update(next_check_at=timezone.now())
    payments.follow_up(payment.pk)
    payment.refresh_from_db()
