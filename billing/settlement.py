"""Makes of what a gateway says about a payment what is so here, in one transaction.

The same snapshot twice, or an older one after a newer, changes nothing more: every change is a conditional update, and
its ledger entry has a reference that exists once.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from accounts import audit
from billing import auto_reload, catalogue, invoices, ledger, mails, methods
from billing.gateways.base import MoneyBack, Snapshot, State
from billing.models import CreditAccount, Discrepancy, GatewayCustomer, Payment, Reversal
from zupertry.core.errors import Refusal

FIRST_CHECK = timedelta(minutes=15)
PATIENCE = timedelta(days=3)
PATIENCE_WITH_BANKS = timedelta(days=15)
LEAST_LOW_BALANCE = 5
"""Credits are low below a tenth of the latest purchase, and below this however small it was."""
Status = Payment.Status

log = structlog.get_logger(__name__)


@transaction.atomic
def apply(payment_id: str, snapshot: Snapshot, *, livemode: bool) -> None:
    """Bring a payment, its credits and what hangs on them up to what the gateway says.

    `livemode` is our own mode: a test payment never buys real credits.
    """
    payment = Payment.objects.select_for_update().get(pk=payment_id)
    if snapshot.state == State.PAID:
        _paid(payment, snapshot, livemode)
    elif snapshot.state == State.FAILED:
        _failed(payment, snapshot)
    elif snapshot.state == State.EXPIRED:
        _expire(payment_id, Payment.UNDECIDED)
    else:
        _still_open(payment, snapshot)
    _take_back(Payment.objects.get(pk=payment_id), snapshot.money_back)


@transaction.atomic
def cancel(payment_id: str, snapshot: Snapshot, *, livemode: bool, actor: str) -> None:
    """Bring a payment up to what the gateway says once it was told to let nobody pay it, and write down who wished so.

    The gateway's event about it may have been faster, so whoever ended it, the wish is written down once.
    """
    apply(payment_id, snapshot, livemode=livemode)
    _note_cancelled(payment_id, actor)


@transaction.atomic
def cancel_unopened(payment_id: str, *, actor: str) -> None:
    """End a payment whose checkout was shown to nobody, unless that has happened meanwhile."""
    _expire(payment_id, [Status.CREATED])
    _note_cancelled(payment_id, actor)


@transaction.atomic
def fail(payment_id: str, why: str) -> None:
    """End a payment that never began at the gateway, or that nobody will finish."""
    _end_failed(Payment.objects.select_for_update().get(pk=payment_id), why, next_check_at=None)


@transaction.atomic
def end_unbegun(payment_id: str, why: str) -> None:
    """End a charge that was never begun, as nobody wants it any more: no failure of the customer's, and no mail."""
    Payment.objects.filter(pk=payment_id, status=Status.CREATED).update(
        status=Status.FAILED, failure=why, next_check_at=None, settled_at=timezone.now()
    )


@transaction.atomic
def lose_sight(payment_id: str) -> None:
    """Ask no more about a payment of which its gateway tells nothing; should it tell yet, that counts."""
    payment = Payment.objects.select_for_update().get(pk=payment_id)
    if payment.status in Payment.UNDECIDED:
        _end_unfinished(payment)
    else:
        Payment.objects.filter(pk=payment.pk).update(next_check_at=None)


@transaction.atomic
def accept(payment_id: str, snapshot: Snapshot, *, livemode: bool, actor: str, reason: str) -> Payment:
    """Give the credits of a quarantined payment, as staff decide: what was paid takes the place of what was asked for.

    Raises `Refusal` (`validation_error`) where that can't be: it has been decided, or what was paid can buy nothing.
    """
    payment = Payment.objects.select_for_update().get(pk=payment_id)
    _check_acceptable(payment, snapshot, livemode)
    asked_minor = payment.amount_minor
    if snapshot.amount_minor != asked_minor:
        payment.net_minor, payment.tax_minor = snapshot.amount_minor - snapshot.tax_minor, snapshot.tax_minor
    payment.status, payment.settled_at, payment.failure = Status.PAID, timezone.now(), ""
    payment.gateway_reference = snapshot.gateway_reference
    payment.save()
    _fulfil(payment, replace(snapshot, method=None))  # Whose card it is, is in doubt: none is kept.
    _take_back(payment, snapshot.money_back)
    _decided(payment, "quarantined", "paid_not_credited")
    audit.record(
        payment.organisation,
        actor,
        "payment.accepted",
        payment.id,
        reason,
        credits=payment.credits,
        asked_minor=asked_minor,
        paid_minor=payment.amount_minor,
        currency=payment.currency,
    )
    return payment


@transaction.atomic
def refuse(payment_id: str, *, actor: str, reason: str) -> None:
    """Give no credits for a quarantined payment, as staff decide; its money goes back at the gateway, by hand.

    Raises `Refusal` (`validation_error`) when it has been decided already.
    """
    waiting = Payment.objects.filter(pk=payment_id, status=Status.QUARANTINED)
    if not waiting.update(status=Status.REFUSED, settled_at=timezone.now()):
        raise _decided_already(Payment.objects.get(pk=payment_id))
    payment = Payment.objects.select_related("organisation").get(pk=payment_id)
    _decided(payment, "quarantined")
    audit.record(payment.organisation, actor, "payment.refused", payment.id, reason)


def _check_acceptable(payment: Payment, snapshot: Snapshot, livemode: bool) -> None:
    """Refuse to give credits for what is no money of ours, or not of this payment, or whose tax nobody can tell."""
    if payment.status != Status.QUARANTINED:
        raise _decided_already(payment)
    gone = sum(back.amount_minor for back in snapshot.money_back if back.standing)
    other_amount = snapshot.amount_minor != payment.amount_minor
    obstacles = {
        "It is not paid at the gateway.": snapshot.state != State.PAID,
        "It was paid in another mode: test money buys nothing.": snapshot.livemode != livemode,
        "It was paid in another currency.": snapshot.currency != payment.currency,
        "This charge has paid for another payment.": _paid_for_another(payment, snapshot),
        "All of its money went back.": gone >= snapshot.amount_minor,
        "Its tax can't be told from what was paid.": other_amount and payment.tax_minor and not snapshot.tax_minor,
    }
    if found := [obstacle for obstacle, met in obstacles.items() if met]:
        raise Refusal(
            "validation_error", f"{found[0]} Nothing was changed. Refuse it, and grant credits by hand if due."
        )


def _paid_for_another(payment: Payment, snapshot: Snapshot) -> bool:
    charged = Payment.objects.filter(gateway=payment.gateway, gateway_reference=snapshot.gateway_reference)
    return charged.exclude(pk=payment.pk).exists()


def _decided_already(payment: Payment) -> Refusal:
    return Refusal("validation_error", f"It is {payment.status}, not quarantined. Nothing was changed.")


def _decided(payment: Payment, *kinds: str) -> None:
    """Close what was found about a payment that staff decided on."""
    found = Discrepancy.objects.filter(payment=payment, kind__in=kinds, resolved_at=None)
    found.update(resolved_at=timezone.now())


def _paid(payment: Payment, snapshot: Snapshot, livemode: bool) -> None:
    if payment.status == Status.PAID:
        _link_invoice(payment, snapshot)
        return
    if payment.status not in Payment.MAY_STILL_BE_PAID:
        return
    if wrong := _difference(payment, snapshot, livemode):
        _quarantine(payment, snapshot, wrong)
        return
    if payment.net_minor + payment.tax_minor < snapshot.amount_minor:
        payment.tax_minor = snapshot.tax_minor
    payment.status, payment.settled_at, payment.next_check_at = Status.PAID, timezone.now(), None
    payment.gateway_reference = snapshot.gateway_reference
    payment.failure, payment.needs_authentication = "", False
    payment.save()
    _fulfil(payment, snapshot)


def _fulfil(payment: Payment, snapshot: Snapshot) -> None:
    """Give what was bought. Follows the payment's becoming paid, which happens once."""
    ledger.purchase(payment.organisation_id, payment.credits, payment.id, actor=payment.actor)
    low = max(LEAST_LOW_BALANCE, payment.credits // 10)
    CreditAccount.objects.filter(pk=payment.organisation_id).update(low_balance_at=low)
    catalogue.follow_purchase(payment)
    if payment.keep_method and snapshot.method and not snapshot.method.gone:
        methods.keep(payment, snapshot.method)
    invoices.issue(payment)
    _link_invoice(payment, snapshot)
    if payment.purpose == Payment.Purpose.AUTO_RELOAD:
        auto_reload.succeeded(payment)
    if payment.purpose == Payment.Purpose.AUTO_RELOAD and payment.expected_at is None:
        mails.auto_reload_made(payment)
    else:
        mails.receipt(payment, ledger.balance(payment.organisation_id).available)


def _link_invoice(payment: Payment, snapshot: Snapshot) -> None:
    if snapshot.invoice_url:
        invoices.link(payment, snapshot.invoice_number, snapshot.invoice_url, snapshot.invoice_pdf_url)


def _difference(payment: Payment, snapshot: Snapshot, livemode: bool) -> str:
    """Say in what the paid is not the asked for; nothing when it is."""
    customer = GatewayCustomer.objects.filter(organisation_id=payment.organisation_id, gateway=payment.gateway).first()
    compared = {
        "payment": (payment.id, snapshot.payment_id),
        "currency": (payment.currency, snapshot.currency),
        "amount": (payment.net_minor, snapshot.amount_minor - (snapshot.tax_minor or payment.tax_minor)),
        "customer": (customer.reference if customer else "", snapshot.customer),
        "livemode": (livemode, snapshot.livemode),
    }
    return "; ".join(
        f"{name}: {ours!r} asked, {theirs!r} paid" for name, (ours, theirs) in compared.items() if ours != theirs
    )


def _quarantine(payment: Payment, snapshot: Snapshot, wrong: str) -> None:
    payment.status, payment.failure, payment.next_check_at = Status.QUARANTINED, wrong[:500], None
    payment.settled_at = timezone.now()
    if snapshot.payment_id == payment.id and not _paid_for_another(payment, snapshot):
        payment.gateway_reference = snapshot.gateway_reference
    payment.save()
    Discrepancy.objects.get_or_create(
        gateway=payment.gateway,
        kind="quarantined",
        reference=snapshot.gateway_reference,
        resolved_at=None,
        defaults={"payment": payment, "details": wrong[:500]},
    )
    log.error("payment_quarantined", payment=payment.id, reference=snapshot.gateway_reference, difference=wrong)


def _expire(payment_id: str, statuses: Sequence[Status]) -> None:
    Payment.objects.filter(pk=payment_id, status__in=statuses).update(
        status=Status.EXPIRED, next_check_at=None, settled_at=timezone.now(), needs_authentication=False
    )


def _note_cancelled(payment_id: str, actor: str) -> None:
    ended = Payment.objects.filter(pk=payment_id, status=Status.EXPIRED).exclude(failure=Payment.CANCELLED)
    if ended.update(failure=Payment.CANCELLED):
        payment = Payment.objects.select_related("organisation").get(pk=payment_id)
        audit.record(payment.organisation, actor, "payment.cancelled", payment.id)


def _failed(payment: Payment, snapshot: Snapshot) -> None:
    if payment.status in Payment.UNDECIDED:
        payment.gateway_reference = snapshot.gateway_reference or payment.gateway_reference
        _end_failed(payment, snapshot.failure, next_check_at=_next_check(payment, snapshot.state))
    elif payment.status == Status.FAILED:
        Payment.objects.filter(pk=payment.pk).update(next_check_at=_next_check(payment, snapshot.state))


def _end_failed(payment: Payment, why: str, *, next_check_at: datetime | None) -> None:
    if payment.status not in Payment.UNDECIDED:
        return
    payment.status, payment.failure, payment.settled_at = Status.FAILED, why[:500], timezone.now()
    payment.next_check_at, payment.needs_authentication = next_check_at, False
    payment.save()
    if payment.purpose == Payment.Purpose.AUTO_RELOAD:
        auto_reload.failed(payment)


def _still_open(payment: Payment, snapshot: Snapshot) -> None:
    """Write down how far it is. What nobody finished in three days ends, though it may be paid even then."""
    if payment.status not in Payment.MAY_STILL_BE_PAID:
        return
    next_check_at = _next_check(payment, snapshot.state)
    if payment.status not in Payment.UNDECIDED:
        Payment.objects.filter(pk=payment.pk).update(next_check_at=next_check_at)
        return
    if next_check_at is None:
        _end_unfinished(payment)
        return
    asks = snapshot.state == State.NEEDS_AUTHENTICATION
    if payment.purpose == Payment.Purpose.AUTO_RELOAD:
        _tell_how_far(payment, asks=asks)
    payment.status, payment.next_check_at, payment.needs_authentication = Status.OPEN, next_check_at, asks
    payment.gateway_reference = snapshot.gateway_reference or payment.gateway_reference
    payment.checkout_reference = snapshot.checkout_reference or payment.checkout_reference
    payment.failure = snapshot.failure[:500]
    payment.save()


def _tell_how_far(payment: Payment, *, asks: bool) -> None:
    """Tell of a charge that its owner has to confirm, or whose credits are days away; of each once."""
    if asks and not payment.needs_authentication:
        mails.auto_reload_needs_authentication(payment)
    elif payment.expected_at and payment.status == Status.CREATED:
        mails.auto_reload_made(payment)


def _end_unfinished(payment: Payment) -> None:
    if payment.purpose == Payment.Purpose.AUTO_RELOAD:
        _end_failed(payment, payment.failure or "Nobody confirmed it in time.", next_check_at=None)
        return
    payment.status, payment.next_check_at, payment.settled_at = Status.EXPIRED, None, timezone.now()
    payment.save()


def _next_check(payment: Payment, state: State) -> datetime | None:
    """Return when to ask again: later each time, and never after three days (two weeks while a bank is at it)."""
    now = timezone.now()
    age = now - payment.created_at
    if age > (PATIENCE_WITH_BANKS if state == State.PROCESSING else PATIENCE):
        return None
    return now + max(FIRST_CHECK, age)


def _take_back(payment: Payment, money_back: Sequence[MoneyBack]) -> None:
    """Take credits for money that went back, and give them again where it came to nothing."""
    if payment.status != Status.PAID:
        return
    known = {reversal.reference: reversal for reversal in payment.reversals.all()}
    for back in sorted(money_back, key=lambda back: (back.created_at, back.reference)):
        reversal = known.get(back.reference)
        if reversal is None and back.standing:
            known[back.reference] = _reversed(payment, back, list(known.values()))
        elif reversal is None and back.kind == Reversal.Kind.REFUND:
            known[back.reference] = _never_stood(payment, back)
        elif reversal and not back.standing:
            _reinstated(payment, reversal, list(known.values()))


def _never_stood(payment: Payment, back: MoneyBack) -> Reversal:
    """Remember a refund that failed, so that an older look, in which it was under way, takes nothing any more.

    A dispute is not remembered so: an inquiry that took no money may become one that does, under the same id.
    """
    return Reversal.objects.create(
        payment=payment,
        kind=back.kind,
        reference=back.reference,
        amount_minor=back.amount_minor,
        credits=0,
        undone_at=timezone.now(),
    )


def _reversed(payment: Payment, back: MoneyBack, earlier: Sequence[Reversal]) -> Reversal:
    standing = [reversal for reversal in earlier if reversal.undone_at is None]
    taken = sum(reversal.credits for reversal in standing)
    gone_minor = sum(reversal.amount_minor for reversal in standing) + back.amount_minor
    credits_ = max(0, credits_for(payment, gone_minor) - taken)
    reversal = Reversal.objects.create(
        payment=payment, kind=back.kind, reference=back.reference, amount_minor=back.amount_minor, credits=credits_
    )
    if credits_:
        ledger.clawback(
            payment.organisation_id, credits_, back.reference, note=f"{back.kind.capitalize()} of {payment.id}"
        )
        mails.payment_reversed(reversal)
    return reversal


def _reinstated(payment: Payment, reversal: Reversal, known: Sequence[Reversal]) -> None:
    if not Reversal.objects.filter(pk=reversal.pk, undone_at=None).update(undone_at=timezone.now()):
        return
    reversal.undone_at = timezone.now()
    reversal.credits -= _left_to_others(payment, reversal, known)
    if reversal.credits:
        note = f"{reversal.kind.capitalize()} of {payment.id} came to nothing"
        ledger.reinstate(payment.organisation_id, reversal.credits, reversal.reference, note=note)
        mails.payment_reinstated(reversal)


def _left_to_others(payment: Payment, undone: Reversal, known: Sequence[Reversal]) -> int:
    """Have the reversals that still stand keep the credits of theirs that the undone one had taken first."""
    standing = [reversal for reversal in known if reversal.undone_at is None]
    owed = credits_for(payment, sum(reversal.amount_minor for reversal in standing))
    left = min(undone.credits, max(0, owed - sum(reversal.credits for reversal in standing)))
    if left:
        heir = standing[-1]
        heir.credits += left
        heir.save(update_fields=["credits"])
    return left


def credits_for(payment: Payment, amount_minor: int) -> int:
    """Return how many of a payment's credits this part of its money stands for, rounded half up; all for all."""
    whole = payment.amount_minor
    return min(payment.credits, (2 * payment.credits * amount_minor + whole) // (2 * whole))
