"""Cancelling a payment that waits for its buyer: at the gateway first, and then here as the gateway says."""

import structlog

from accounts.models import Organisation
from billing import settlement
from billing.gateways.base import GatewayError
from billing.gateways.registry import gateways, require
from billing.models import Payment
from zupertry.core.connections import release_connection
from zupertry.core.errors import Refusal

UNDER_WAY = "A payment is under way. Cancel it under Billing, or wait until it is paid, has failed or has expired."


log = structlog.get_logger(__name__)


def is_under_way(organisation: Organisation) -> bool:
    """Say whether a payment of the organisation's is undecided, so that `UNDER_WAY` is to be said."""
    return Payment.objects.filter(organisation=organisation, status__in=Payment.UNDECIDED).exists()


def cancel(payment: Payment, *, actor: str) -> Payment:
    """Let a payment end that waits for its buyer, and return it as it is then: one that was paid meanwhile is paid.

    Raises `Refusal`: `validation_error` where it waits for nobody, or for a bank, which nobody can hold back;
    `payment_provider_error`, after which it is cancelled or not, as the clock finds out; once more is harmless.
    """
    if payment.status not in Payment.UNDECIDED:
        return payment
    if not payment.waits_for_buyer:
        raise Refusal("validation_error", "This charge is under way already, so it can't be cancelled any more.")
    if payment.checkout_reference or payment.gateway_reference:
        _cancel_there(payment, actor)
    else:  # Nobody was told of a checkout, if there is one.
        settlement.cancel_unopened(payment.id, actor=actor)
    payment = Payment.objects.select_related("organisation", "pack").get(pk=payment.pk)
    if payment.status in Payment.UNDECIDED:
        raise Refusal("validation_error", "It has just gone on, so it was not cancelled. Look again in a minute.")
    return payment


def _cancel_there(payment: Payment, actor: str) -> None:
    require(payment.gateway)
    gateway = gateways[payment.gateway]
    release_connection()
    try:
        snapshot = gateway.cancel(
            checkout_reference=payment.checkout_reference, gateway_reference=payment.gateway_reference
        )
    except GatewayError as error:
        log.warning("cancel_failed", payment=payment.id, error=error.message, permanent=error.permanent)
        name = payment.gateway.capitalize()
        message = f"{name} did not answer as it should, so it may be cancelled or not. Try again in a minute."
        raise Refusal("payment_provider_error", message) from error
    settlement.cancel(payment.id, snapshot, livemode=gateway.livemode, actor=actor)
