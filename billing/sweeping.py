"""Finds payments, events and balances that are due for a look. Everything here may run twice at once and do no harm."""

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from billing import mails, methods, reloads
from billing.models import CreditAccount, GatewayEvent, Payment
from zupertry.core import ids, metrics
from zupertry.core.wake import wake

BATCH = 1_000

log = structlog.get_logger(__name__)


def sweep() -> dict[str, int]:
    """Run every sweeper of money once, and return what each found."""
    found = {
        "payments": wake_payments(),
        "gateway_events": wake_events(),
        "reloads": reloads.wake_due(),
        "low_balances": tell_of_low_balances(),
        "expiring_methods": methods.tell_of_expiry(),
    }
    log.info("billing_swept", **found)
    metrics.swept(found)
    return found


def wake_payments() -> int:
    """Wake a look at each payment that is due for one. Returns how many."""
    due = Payment.objects.filter(next_check_at__lte=timezone.now()).order_by("next_check_at")
    ids_ = list(due.values_list("pk", flat=True)[:BATCH])
    for payment_id in ids_:
        wake("billing.check_payment", payment_id)
    return len(ids_)


def wake_events() -> int:
    """Wake the processing of events that are due for it. Returns how many."""
    due = GatewayEvent.objects.filter(next_attempt_at__lte=timezone.now()).order_by("next_attempt_at")
    ids_ = list(due.values_list("pk", flat=True)[:BATCH])
    for event_id in ids_:
        wake("billing.process_event", event_id)
    return len(ids_)


def tell_of_low_balances() -> int:
    """Mail, once each time the balance falls below its mark, and be ready for the next time. Returns how many.

    That is once there is twice as much: around its mark a balance moves with every job that is held and fails.
    """
    low = CreditAccount.objects.filter(available__lt=F("low_balance_at"))
    enough = CreditAccount.objects.filter(available__gte=2 * F("low_balance_at"), low_balance_told_at__isnull=False)
    enough.update(low_balance_told_at=None)
    return sum(_told(account) for account in low.filter(low_balance_told_at=None).order_by("pk")[:BATCH])


@transaction.atomic
def _told(account: CreditAccount) -> bool:
    now = timezone.now()
    still = CreditAccount.objects.filter(pk=account.pk, low_balance_told_at=None, available__lt=F("low_balance_at"))
    if not still.update(low_balance_told_at=now):
        return False
    mails.low_balance(account.pk, account.available, account.low_balance_at, ids.new("low"))
    return True
