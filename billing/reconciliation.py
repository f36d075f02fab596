"""Compares what gateways say was paid with what the ledger gave for it, both ways.

What a fresh look can mend is mended on the way. What it can't is written down for staff, until it is so no more.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit
from billing import payments
from billing.gateways.base import UNAUTHORISED, GatewayError, Snapshot, State
from billing.gateways.registry import gateways
from billing.models import Discrepancy, LedgerEntry, Payment, Reversal
from zupertry.core import ids
from zupertry.core.connections import release_connection
from zupertry.core.errors import Refusal

GRACE = timedelta(minutes=10)
"""How long something may be paid and not credited before that is an error."""
DISPUTES_TAKE = timedelta(days=180)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing on which a gateway and we do not agree. `payment_id` is empty where it is about none of ours."""

    gateway: str
    kind: str
    reference: str
    payment_id: str
    details: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


def reconcile(since: datetime) -> list[Difference]:
    """Compare everything paid since then, write the differences down, and return them.

    Raises `GatewayError` when a gateway can't be asked, once the others were; what was written down before stays.
    """
    found: list[Difference] = []
    errors: list[GatewayError] = []
    for name in settings.PAYMENT_GATEWAYS:
        try:
            found += _reconcile(name, since)
        except GatewayError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return found


def _reconcile(gateway: str, since: datetime) -> list[Difference]:
    compared: set[str] = set()
    seen = [*_theirs(gateway, since, compared), *_ours(gateway, since, compared), *_ledgers(gateway, since)]
    _look_at_money_back(gateway, since, compared)
    # A list that grows while it is read gives some payments twice.
    differences = list({(difference.kind, difference.reference): difference for difference in seen}.values())
    troubled = {difference.reference for difference in differences}
    left = _left_as_they_are(gateway, troubled)
    news = [found for found in differences if (found.kind, found.reference, found.details) not in left]
    _write_down(gateway, news, compared - troubled)
    return news


def _left_as_they_are(gateway: str, references: set[str]) -> set[tuple[str, str, str]]:
    """Return what staff have closed, as long as it is the very same."""
    rows = Discrepancy.objects.filter(gateway=gateway, reference__in=references).exclude(closed_by="")
    return set(rows.values_list("kind", "reference", "details"))


@transaction.atomic
def close(discrepancy: Discrepancy, *, actor: str, reason: str) -> None:
    """Leave a difference as it is, as staff decide: it is not found again unless it becomes another.

    Raises `Refusal` (`validation_error`) when it is closed already.
    """
    open_ = Discrepancy.objects.filter(pk=discrepancy.pk, resolved_at=None)
    if not open_.update(resolved_at=timezone.now(), closed_by=actor):
        raise Refusal("validation_error", "It is closed already. Nothing was changed.")
    what = {"gateway": discrepancy.gateway, "kind": discrepancy.kind, "reference": discrepancy.reference}
    audit.record(None, actor, "discrepancy.closed", discrepancy.id, reason, **what)


def look_at_disputes() -> None:
    """Look again at each payment with a dispute that stands: banks decide months after the payment itself."""
    standing = Reversal.objects.filter(
        kind=Reversal.Kind.DISPUTE, undone_at=None, created_at__gte=timezone.now() - DISPUTES_TAKE
    )
    for payment in Payment.objects.filter(reversals__in=standing).distinct().order_by("pk"):
        _settled(payment, payment.gateway_reference)


def _look_at_money_back(gateway: str, since: datetime, compared: set[str]) -> None:
    """Settle payments from before the comparison begins, where money went back of them since."""
    went_back = set(gateways[gateway].money_back_since(since)) - compared
    for payment in Payment.objects.filter(gateway=gateway, gateway_reference__in=went_back).order_by("pk"):
        _settled(payment, payment.gateway_reference)


def _theirs(gateway: str, since: datetime, compared: set[str]) -> Iterator[Difference]:
    """What the gateway has: is it credited here, and what went back taken back?"""
    for snapshot in gateways[gateway].paid_since(since):
        if snapshot.created_at <= timezone.now() - GRACE:
            compared.add(snapshot.gateway_reference)
            yield from _compare(gateway, snapshot)


def _compare(gateway: str, snapshot: Snapshot) -> Iterator[Difference]:
    payment = _find(gateway, snapshot)
    reference = snapshot.gateway_reference
    amount = f"{snapshot.currency} {snapshot.amount_minor} (minor units)"
    if payment is None:
        if not _went_back(snapshot):
            yield Difference(gateway, "unknown_payment", reference, "", f"{amount} was paid for no payment of ours.")
        return
    if not _agrees(payment, snapshot):
        payment = _settled(payment, reference)
    if payment.status != Payment.Status.PAID or payment.gateway_reference != reference:
        yield from _compare_uncredited(payment, snapshot, amount)
    elif not _agrees(payment, snapshot):
        why = f"{amount} was paid, but here it is {payment.amount_minor}, or other refunds and disputes stand."
        yield Difference(gateway, "differs", reference, payment.id, why)


def _compare_uncredited(payment: Payment, snapshot: Snapshot, amount: str) -> Iterator[Difference]:
    """Name money that gave no credits: its payment is not paid here, or by another charge. Unless it is back."""
    if _went_back(snapshot):
        return
    if payment.status == Payment.Status.PAID:
        why = f"{amount} was paid once more: the credits were given for {payment.gateway_reference}."
        yield Difference(payment.gateway, "paid_twice", snapshot.gateway_reference, payment.id, why)
    else:
        why = f"{amount} was paid, but the payment is {payment.status}. {payment.failure}"
        yield Difference(payment.gateway, "paid_not_credited", snapshot.gateway_reference, payment.id, why[:500])


def _went_back(snapshot: Snapshot) -> bool:
    """Say whether all the money of a payment is with its buyer again."""
    return sum(back.amount_minor for back in snapshot.money_back if back.standing) >= snapshot.amount_minor


def _ours(gateway: str, since: datetime, compared: set[str]) -> Iterator[Difference]:
    """What we have as paid and the gateway's list has not, as it may have begun earlier: is it paid there?"""
    paid = Payment.objects.filter(gateway=gateway, status=Payment.Status.PAID, settled_at__gte=since)
    for payment in paid.exclude(gateway_reference__in=compared).order_by("pk"):
        compared.add(payment.gateway_reference)
        if payment.settled_at and payment.settled_at <= timezone.now() - GRACE and not _is_paid_there(payment):
            why = f"{payment.credits} credits were given, but the gateway does not have it as paid."
            yield Difference(gateway, "credited_not_paid", payment.gateway_reference or payment.id, payment.id, why)


def _ledgers(gateway: str, since: datetime) -> Iterator[Difference]:
    """What the ledger gave for payments: is each paid payment there, once and in full, and nothing else?"""
    # An entry knows only its millisecond, and what is paid between the two queries is in one of them: no errors.
    entries = LedgerEntry.objects.filter(kind=LedgerEntry.Kind.PURCHASE, created_at__gte=since - timedelta(seconds=1))
    given = dict(entries.values_list("reference", "available_delta"))
    settled = (since, timezone.now() - GRACE)
    paid = Payment.objects.filter(gateway=gateway, status=Payment.Status.PAID, settled_at__range=settled)
    for payment in paid.order_by("pk"):
        if given.get(payment.id) != payment.credits:
            why = f"It is paid, but the ledger has {given.get(payment.id, 0)} of its {payment.credits} credits."
            yield Difference(gateway, "not_in_ledger", payment.gateway_reference or payment.id, payment.id, why)
    unpaid = Payment.objects.filter(gateway=gateway, pk__in=list(given)).exclude(status=Payment.Status.PAID)
    for payment in unpaid.order_by("pk"):
        why = f"The ledger has {given[payment.id]} credits for it, but the payment is {payment.status}."
        yield Difference(gateway, "in_ledger_only", payment.gateway_reference or payment.id, payment.id, why)


def _find(gateway: str, snapshot: Snapshot) -> Payment | None:
    """Return the payment that this charge paid for, else the one that it says it is about."""
    ours = Payment.objects.filter(gateway=gateway)
    charged = ours.filter(gateway_reference=snapshot.gateway_reference).first()
    if charged or not ids.is_id("pay", snapshot.payment_id):
        return charged
    return ours.filter(pk=snapshot.payment_id).first()


def _agrees(payment: Payment, snapshot: Snapshot) -> bool:
    """Say whether a payment is credited for this very amount, and its reversals are those that the gateway has."""
    if payment.status != Payment.Status.PAID or payment.amount_minor != snapshot.amount_minor:
        return False
    standing = {back.reference for back in snapshot.money_back if back.standing}
    return set(payment.reversals.filter(undone_at=None).values_list("reference", flat=True)) == standing


def _settled(payment: Payment, reference: str) -> Payment:
    try:
        return payments.settle(payment.id, gateway_reference=reference)
    except GatewayError as error:
        log.warning("not_settled", payment=payment.id, error=error.message)
        return payment


def _is_paid_there(payment: Payment) -> bool:
    """Ask about a payment that the gateway's list lacks, as it may have begun before the list does."""
    release_connection()
    try:
        snapshot = gateways[payment.gateway].look(
            checkout_reference=payment.checkout_reference, gateway_reference=payment.gateway_reference
        )
    except GatewayError as error:
        if not error.permanent or error.code == UNAUTHORISED:
            raise
        return False
    return snapshot.state == State.PAID


@transaction.atomic
def _write_down(gateway: str, found: list[Difference], agreeing: set[str]) -> None:
    """Keep each difference as one open row, and close the rows of what was compared and agrees now."""
    standing = {(row.kind, row.reference): row for row in Discrepancy.objects.filter(gateway=gateway, resolved_at=None)}
    for difference in found:
        log.error("payment_discrepancy", **difference.as_dict())
        if standing.pop((difference.kind, difference.reference), None) is None:
            new = Discrepancy(
                gateway=gateway,
                kind=difference.kind,
                reference=difference.reference,
                payment_id=difference.payment_id or None,
                details=difference.details,
            )
            Discrepancy.objects.bulk_create([new], ignore_conflicts=True)  # another run may just have written it
    mended = [row.pk for row in standing.values() if row.reference in agreeing]
    Discrepancy.objects.filter(pk__in=mended, resolved_at=None).update(resolved_at=timezone.now())
