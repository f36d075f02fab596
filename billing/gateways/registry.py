"""The gateways that `PAYMENT_GATEWAYS` names."""

from typing import NoReturn

import structlog
from django.conf import settings

from billing.gateways.base import UNAUTHORISED, Gateway, GatewayError
from zupertry.core.backends import Backends
from zupertry.core.errors import Refusal
from zupertry.core.support import at_support

log = structlog.get_logger(__name__)


class Gateways(Backends[Gateway]):
    """The configured gateways, by name. Raises `GatewayError` for one that took money before and is no more."""

    def __getitem__(self, alias: str) -> Gateway:
        if alias not in settings.PAYMENT_GATEWAYS:
            raise GatewayError(f"{alias.capitalize()} is not set up here.", permanent=True, code=UNAUTHORISED)
        return super().__getitem__(alias)


gateways = Gateways("PAYMENT_GATEWAYS")


def refuse(gateway: str, error: GatewayError) -> NoReturn:
    """Tell the person at the browser that a gateway failed. Raises `Refusal` (`payment_provider_error`), always."""
    log.warning("gateway_failed", gateway=gateway, error=error.message, permanent=error.permanent, code=error.code)
    name = gateway.capitalize()
    if error.permanent:
        message = (
            f"{name} refused this, and nothing was charged. Check your billing details, or write to us{at_support()}."
        )
    else:
        message = f"{name} did not answer as it should. Try again in a minute; it can't happen twice."
    raise Refusal("payment_provider_error", message) from error


def require(gateway: str) -> None:
    """Raise `Refusal` (`payment_provider_error`) where a gateway that took money before is not configured any more."""
    if gateway not in settings.PAYMENT_GATEWAYS:
        raise Refusal(
            "payment_provider_error", f"{gateway.capitalize()} is not set up here any more. Write to us{at_support()}."
        )
