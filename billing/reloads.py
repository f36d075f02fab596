"""Does what auto-reload is for: notices that few credits are left, and buys.

Of any number of workers that notice at once one claims the attempt: a conditional UPDATE lets one pass an hour, and the
database lets one charge of an organisation be open.
"""

from datetime import datetime, timedelta

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from billing import auto_reload, catalogue, details, ledger, mails, payments
from billing.gateways.base import Buyer
from billing.models import AutoReload, Payment
from zupertry.core.errors import Refusal
from zupertry.core.wake import wake

BATCH = 1_000
MANDATES_SETTLE_IN = timedelta(days=2)

log = structlog.get_logger(__name__)


def wake_due() -> int:
    """Wake a reload for each organisation that is below its threshold and may try. Returns how many."""
    hour_ago = timezone.now() - auto_reload.ATTEMPT_INTERVAL
    open_ = Payment.objects.filter(
        organisation=OuterRef("pk"), purpose=Payment.Purpose.AUTO_RELOAD, status__in=Payment.UNDECIDED
    )
    due = AutoReload.objects.filter(
        Q(claimed_at=None) | Q(claimed_at__lte=hour_ago),
        ~Exists(open_),
        enabled=True,
        organisation__suspended_at=None,
        organisation__credit_account__available__lt=F("threshold"),
    )
    ids_ = list(due.order_by("claimed_at").values_list("pk", flat=True)[:BATCH])
    for organisation_id in ids_:
        wake("billing.reload", organisation_id)
    return len(ids_)


def run(organisation_id: str) -> None:
    """Buy the pack once if it is time to: claim the attempt, then charge."""
    structlog.contextvars.bind_contextvars(org=organisation_id)
    try:
        payment = _claim(organisation_id, timezone.now())
    except IntegrityError:
        return  # another charge is open
    if payment:
        log.info("auto_reload_charges", organisation=organisation_id, payment=payment.id)
        payments.charge(payment)


@transaction.atomic
def _claim(organisation_id: str, now: datetime) -> Payment | None:
    """Take this hour's attempt and write down the charge that it is for; None when it is not time."""
    if not _may_try(organisation_id, now):
        return None
    reload = AutoReload.objects.select_related("organisation", "pack").get(pk=organisation_id)
    if not catalogue.can_be_paid(reload.organisation):
        return None
    method = auto_reload.usable_method(organisation_id)
    if method is None:
        auto_reload.lose_method(organisation_id, actor="system")
        return None
    if not catalogue.is_on_sale(reload.pack):
        auto_reload.pack_is_gone(organisation_id)
        return None
    try:
        buyer = details.buyer(reload.organisation)
    except Refusal as refusal:
        auto_reload.lose_details(organisation_id, refusal.message)
        return None
    return _charge_for(reload, buyer, method.pk, now)


def _charge_for(reload: AutoReload, buyer: Buyer, method_id: str, now: datetime) -> Payment | None:
    key = f"reload:{reload.pk}:{reload.attempts}"
    payment = payments.new(reload.organisation, reload.pack, buyer, actor="system", idempotency_key=key)
    spent = auto_reload.spent_this_month(reload.pk, now)
    if spent + payment.amount_minor > reload.monthly_cap_minor:
        mails.auto_reload_capped(reload, payment.amount_minor, spent, f"{now:%Y-%m}")
        return None
    payment.purpose, payment.method_id = Payment.Purpose.AUTO_RELOAD, method_id
    if payment.gateway == "razorpay":
        payment.expected_at = now + MANDATES_SETTLE_IN
    payment.save(force_insert=True)
    return payment


def _may_try(organisation_id: str, now: datetime) -> bool:
    """Claim the attempt: at most one an hour, whatever became of the last.

    The UPDATE filters on columns of its own row only: PostgreSQL looks at those again once it has the row's lock.
    """
    waited = Q(claimed_at=None) | Q(claimed_at__lte=now - auto_reload.ATTEMPT_INTERVAL)
    ready = AutoReload.objects.filter(waited, pk=organisation_id, enabled=True)
    threshold = ready.filter(organisation__suspended_at=None).values_list("threshold", flat=True).first()
    if threshold is None or ledger.balance(organisation_id).available >= threshold:
        return False
    return ready.update(claimed_at=now, attempts=F("attempts") + 1) == 1
