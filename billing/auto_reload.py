"""Buying credits by itself: whether, when and how much. `reloads.py` does the buying.

Off until somebody switches it on, and off again when it can't go on: each such change is one mail, never a loop.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from accounts import audit, organisations
from accounts.models import Organisation
from billing import catalogue, mails
from billing.models import AutoReload, CreditPack, LedgerEntry, Payment, PaymentMethod
from zupertry.core import ids
from zupertry.core.errors import Refusal

FAILURES_ALLOWED = 3
ATTEMPT_INTERVAL = timedelta(hours=1)
USE_LOOKED_AT = timedelta(days=7)
DAYS_TO_SETTLE = 3
MANDATE_LIMIT_MINOR = 15_000_00
"""The most that an Indian card's mandate lets be taken without its owner, in paise (RBI, framework on e-mandates)."""


def of(organisation: Organisation) -> AutoReload | None:
    """Return an organisation's auto-reload, on or off; None while it never was on."""
    return AutoReload.objects.select_related("pack").filter(organisation=organisation).first()


def packs_for(organisation: Organisation) -> list[CreditPack]:
    """Return the packs that may be bought by themselves: in India those that a mandate allows for."""
    packs = catalogue.offer(organisation)
    if catalogue.gateway_for(organisation) == "razorpay":
        return [pack for pack in packs if catalogue.quote(pack).amount_minor <= MANDATE_LIMIT_MINOR]
    return packs


def suggested_threshold(organisation: Organisation) -> int:
    """Return three days' use in credits, by the last 7 days, at least 10: what is used while a mandate settles."""
    since = ids.encode("led", ids.first_at(timezone.now() - USE_LOOKED_AT))
    spent = LedgerEntry.objects.filter(
        account_id=organisation.id, id__gte=since, kind=LedgerEntry.Kind.CAPTURE
    ).aggregate(spent=Sum("reserved_delta"))["spent"]
    return max(10, -(-DAYS_TO_SETTLE * -(spent or 0) // USE_LOOKED_AT.days))


@transaction.atomic
def switch_on(
    organisation: Organisation, *, pack: CreditPack, threshold: int, monthly_cap_minor: int, actor: str
) -> AutoReload:
    """Buy `pack` whenever fewer than `threshold` credits are available, for at most the cap a calendar month.

    The cap is in minor units, tax included. Raises `Refusal`: `no_payment_method`, or `validation_error` with `fields`.
    """
    organisations.lock(organisation)
    organisations.check_stays(organisation)
    if not usable_method(organisation.id):
        raise Refusal(
            "no_payment_method", "Auto-reload needs a saved payment method. Buy a pack and tick “keep” first."
        )
    _check(organisation, pack, threshold, monthly_cap_minor)
    wanted = {"enabled": True, "pack": pack, "threshold": threshold, "monthly_cap_minor": monthly_cap_minor}
    fresh = {"failures_in_a_row": 0, "switched_off_because": ""}
    reload, _ = AutoReload.objects.update_or_create(organisation=organisation, defaults={**wanted, **fresh})
    audit.record(
        organisation,
        actor,
        "auto_reload.switched_on",
        organisation.id,
        pack=pack.id,
        credits=pack.credits,
        threshold=threshold,
        monthly_cap_minor=monthly_cap_minor,
        currency=pack.currency,
    )
    return reload


@transaction.atomic
def switch_off(organisation: Organisation, *, actor: str) -> None:
    """Buy nothing by itself any more, as somebody wishes. Doing it twice changes nothing."""
    if AutoReload.objects.filter(organisation=organisation, enabled=True).update(
        enabled=False, switched_off_because=""
    ):
        audit.record(organisation, actor, "auto_reload.switched_off", organisation.id)


def lose_method(organisation_id: str, *, actor: str) -> bool:
    """Switch off since nothing is left to charge, in the caller's transaction. Returns whether it was on."""
    return _give_up(organisation_id, "No payment method is saved any more.", actor=actor)


def pack_is_gone(organisation_id: str) -> bool:
    """Switch off since its pack is not sold any more, in the caller's transaction. Returns whether it was on."""
    return _give_up(organisation_id, "The pack that it bought is not on sale any more.")


def lose_details(organisation_id: str, why: str) -> bool:
    """Switch off since nobody is known whom an invoice is for. Returns whether it was on."""
    return _give_up(organisation_id, why)


def is_on(organisation_id: str) -> bool:
    """Say whether packs are to be bought by themselves: not while the organisation is suspended, or to be deleted."""
    stays = AutoReload.objects.filter(organisation__suspended_at=None, organisation__deletion_due_at=None)
    return stays.filter(pk=organisation_id, enabled=True).exists()


def succeeded(payment: Payment) -> None:
    """Forget earlier failures, in the transaction that makes a charge paid."""
    AutoReload.objects.filter(pk=payment.organisation_id).update(failures_in_a_row=0)


def failed(payment: Payment) -> None:
    """Count a failed charge, in the transaction that makes it so. The third in a row switches off.

    Nobody is told once it is off: who switched it off waits for no credits, and it does not try again.
    """
    reload = AutoReload.objects.filter(pk=payment.organisation_id)
    reload.update(failures_in_a_row=F("failures_in_a_row") + 1)
    too_many = reload.filter(failures_in_a_row__gte=FAILURES_ALLOWED).exists()
    if too_many and _give_up(payment.organisation_id, f"{FAILURES_ALLOWED} charges in a row failed."):
        return
    if reload.filter(enabled=True).exists():
        mails.auto_reload_failed(payment)


def usable_method(organisation_id: str) -> PaymentMethod | None:
    """Return the method that would be charged: the default if it may be, else the oldest that may.

    Those that the gateway of another region keeps, from before the organisation moved, may not.
    """
    gateway = catalogue.gateway_for(Organisation.objects.get(pk=organisation_id))
    usable = PaymentMethod.objects.filter(
        organisation_id=organisation_id, gateway=gateway, status=PaymentMethod.Status.ACTIVE
    )
    return usable.order_by("-is_default", "pk").first()


def spent_this_month(organisation_id: str, now: datetime) -> int:
    """Return what charges of this calendar month (UTC) cost or may still cost, in minor units."""
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    charges = Payment.objects.filter(
        organisation_id=organisation_id,
        id__gte=ids.encode("pay", ids.first_at(month)),
        purpose=Payment.Purpose.AUTO_RELOAD,
        status__in=[Payment.Status.CREATED, Payment.Status.OPEN, Payment.Status.PAID, Payment.Status.QUARANTINED],
    )
    return charges.aggregate(spent=Sum(F("net_minor") + F("tax_minor")))["spent"] or 0


def may_take(payment: Payment) -> int:
    """Return what a charge may cost at most by the monthly cap, tax included, in minor units."""
    cap = AutoReload.objects.values_list("monthly_cap_minor", flat=True).get(pk=payment.organisation_id)
    others = spent_this_month(payment.organisation_id, payment.created_at) - payment.amount_minor
    return cap - others


def _give_up(organisation_id: str, because: str, *, actor: str = "system") -> bool:
    on = AutoReload.objects.filter(pk=organisation_id, enabled=True)
    if not on.update(enabled=False, switched_off_because=because):
        return False
    audit.record(Organisation(pk=organisation_id), actor, "auto_reload.switched_off", organisation_id, because=because)
    mails.auto_reload_off(organisation_id, because, ids.new("off"))
    return True


def _check(organisation: Organisation, pack: CreditPack, threshold: int, monthly_cap_minor: int) -> None:
    fields: dict[str, list[str]] = {}
    if pack not in packs_for(organisation):
        fields["pack"] = ["This pack can't be bought by itself. Choose one of those offered."]
    elif monthly_cap_minor < catalogue.quote(pack).amount_minor:
        fields["monthly_cap"] = ["This is less than one pack costs. Raise it, or choose a smaller pack."]
    if threshold < 1:
        fields["threshold"] = ["Give a number of credits, at least 1."]
    if fields:
        raise Refusal("validation_error", " ".join(messages[0] for messages in fields.values()), fields=fields)
