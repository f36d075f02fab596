"""`manage.py fake_gateways`: a Stripe and a Razorpay on this machine, to buy from with no account anywhere."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from zupertry.testing.razorpay import RazorpayServer
from zupertry.testing.stripe import StripeServer


class Command(BaseCommand):
    help = "Run a fake Stripe and a fake Razorpay in the foreground, and print the settings that use them."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stripe-port", type=int, default=8801)
        parser.add_argument("--razorpay-port", type=int, default=8802)
        parser.add_argument(
            "--events-to", default=settings.PUBLIC_URL, help=f"Where Zupertry runs. Default: {settings.PUBLIC_URL}"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        inbound = f"{options['events_to'].rstrip('/')}/gateway-events"
        stripe = StripeServer(events_to=f"{inbound}/stripe", port=options["stripe_port"])
        razorpay = RazorpayServer(events_to=f"{inbound}/razorpay", port=options["razorpay_port"])
        with stripe, razorpay:
            self.stdout.write(_HOW.format(stripe=stripe, razorpay=razorpay))
            stopped = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stopped.set())
            stopped.wait()


_HOW = """A fake Stripe and a fake Razorpay are running; Ctrl-C stops them, and what they know is gone then.
Nothing that is bought from them costs anything. Put these lines into .env and start Zupertry anew (make run):

STRIPE_SECRET_KEY={stripe.secret_key}
STRIPE_WEBHOOK_SECRET={stripe.sender.secret}
STRIPE_API_BASE={stripe.url}
RAZORPAY_KEY_ID={razorpay.key_id}
RAZORPAY_KEY_SECRET={razorpay.key_secret}
RAZORPAY_WEBHOOK_SECRET={razorpay.event_secret}
RAZORPAY_API_BASE={razorpay.url}
SELLER_NAME=Zupertry India Private Limited
SELLER_ADDRESS=12 MG Road, Bengaluru 560001
SELLER_GSTIN=29AAACZ1234A1ZR
"""
