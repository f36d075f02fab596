"""Work that is woken by name: ids in, one domain call."""

from datetime import timedelta

import structlog
from celery import shared_task
from django.conf import settings
from django.utils import timezone

from billing import gateway_events, methods, payments, reconciliation, reloads, replay, sweeping
from billing.gateways.base import GatewayError

RECENT = timedelta(hours=2)
NIGHTLY = timedelta(days=14)
"""Longer than a bank debit takes to settle."""

log = structlog.get_logger(__name__)


@shared_task(name="billing.process_event")
def process_event(event_id: str) -> None:
    """Process one gateway event."""
    gateway_events.process(event_id)


@shared_task(name="billing.check_payment")
def check_payment(payment_id: str) -> None:
    """Ask the gateway about one payment. When it can't be asked, the sweep comes back to it."""
    try:
        payments.follow_up(payment_id)
    except GatewayError as error:
        log.warning("payment_not_checked", payment=payment_id, error=error.message)


@shared_task(name="billing.reload")
def reload(organisation_id: str) -> None:
    """Buy credits for one organisation, if it is time to."""
    reloads.run(organisation_id)


@shared_task(name="billing.sweep", expires=settings.SWEEP_INTERVAL_SECONDS)
def sweep() -> None:
    """Find payments, events and balances that are due for a look."""
    sweeping.sweep()


@shared_task(name="billing.reconcile_recent", expires=300)
def reconcile_recent() -> None:
    """Compare the last hours' payments with the gateways, so that none stays uncredited for long."""
    _reconcile(RECENT)


@shared_task(name="billing.reconcile")
def reconcile() -> None:
    """Compare the last two weeks' payments with the gateways, and look at what is decided slowly."""
    reconciliation.look_at_disputes()
    methods.refresh_waiting()
    _reconcile(NIGHTLY)


@shared_task(name="billing.check_ledger")
def check_ledger() -> None:
    """Replay every account, and log each difference as an error."""
    for difference in replay.check():
        log.error("ledger_difference", **difference.as_dict())


def _reconcile(window: timedelta) -> None:
    try:
        reconciliation.reconcile(timezone.now() - window)
    except GatewayError as error:
        log.warning("not_reconciled", error=error.message)
