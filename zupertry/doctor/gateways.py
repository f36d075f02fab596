"""The payment gateways."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from django.conf import settings

from billing.gateways.base import UNAUTHORISED, GatewayError
from billing.gateways.registry import Gateways
from zupertry.doctor.finding import Examination, Finding, broken, ok

_KEYS = {"stripe": "STRIPE_SECRET_KEY", "razorpay": "RAZORPAY_KEY_ID and RAZORPAY_KEY_SECRET"}


def examinations() -> list[Examination]:
    """Return one for each gateway that is set up."""
    if not settings.PAYMENT_GATEWAYS:
        return [Examination("gateways", lambda: [ok("none is set up, so nobody can buy")], "")]
    return [
        Examination(name, _asking(name), "", seconds=12.0, settings=(name.upper(),))
        for name in settings.PAYMENT_GATEWAYS
    ]


def _asking(name: str) -> Callable[[], Iterator[Finding]]:
    """Return what asks a gateway for the payments since now: free, and refused to a key that is not right."""

    def ask() -> Iterator[Finding]:
        api_base = settings.PAYMENT_GATEWAYS[name]["OPTIONS"]["api_base"]
        try:
            gateway = Gateways("PAYMENT_GATEWAYS")[name]
            next(gateway.paid_since(datetime.now(UTC)), None)
        except GatewayError as error:
            advice = (
                f"Copy {_KEYS[name]} anew from {name.capitalize()}'s dashboard; a restricted key has to read payments."
                if error.code == UNAUTHORISED
                else f"See whether this machine reaches {api_base}, and what {name.capitalize()}'s status page says."
            )
            yield broken(f"{error.message.rstrip('.')}.", advice)
        else:
            yield ok(f"{api_base} knows the key, which is for {'live' if gateway.livemode else 'test'} payments")

    return ask
