"""What staff decide about payments. Each first takes a fresh look at the gateway, outside any transaction."""

from accounts import audit
from billing import payments, settlement
from billing.gateways.base import GatewayError, Snapshot
from billing.gateways.registry import gateways
from billing.models import Payment
from zupertry.core.connections import release_connection
from zupertry.core.errors import Refusal


def look_again(payment: Payment, *, actor: str, reason: str) -> Payment:
    """Look at a payment now, and make it so here. Returns it. Raises `Refusal` (`payment_provider_error`)."""
    audit.record(payment.organisation, actor, "payment.looked_at", payment.id, reason)
    try:
        return payments.settle(payment.id)
    except GatewayError as error:
        raise _failed(payment, error) from error


def accept(payment: Payment, *, actor: str, reason: str) -> Payment:
    """Give the credits of a quarantined payment for what was paid. Returns it as it is then.

    Raises `Refusal`: `payment_provider_error`, or `validation_error` where it can't be accepted.
    """
    try:
        livemode, snapshot = _look(payment)
    except GatewayError as error:
        raise _failed(payment, error) from error
    return settlement.accept(payment.id, snapshot, livemode=livemode, actor=actor, reason=reason)


def _look(payment: Payment) -> tuple[bool, Snapshot]:
    if not payment.checkout_reference and not payment.gateway_reference:
        raise Refusal("validation_error", "Nothing here says which charge it is. Refuse it, and grant credits by hand.")
    gateway = gateways[payment.gateway]
    release_connection()
    references = {"checkout_reference": payment.checkout_reference, "gateway_reference": payment.gateway_reference}
    return gateway.livemode, gateway.look(**references)


def _failed(payment: Payment, error: GatewayError) -> Refusal:
    """Say to staff what a gateway said, which buyers are not told."""
    name = payment.gateway.capitalize()
    return Refusal("payment_provider_error", f"{name} could not be asked, so nothing was changed: {error.message}")
