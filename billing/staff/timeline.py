"""What happened to a payment, in order: from ledger, events, invoice, reversals, comparisons and the audit log."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from accounts.models import AuditEntry
from accounts.staff.links import link_to, link_to_actor
from billing import gateway_events
from billing.models import Discrepancy, Invoice, LedgerEntry, Payment
from zupertry.core.money import format_minor

MOST = 50
"""How many events, and how many entries of the audit log, a timeline shows: the latest."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened. `kind` is `ours`, `gateway`, `staff`, or `later` for what is yet to come."""

    at: datetime
    kind: str
    what: str
    link: SafeString | None = None
    why: str = ""


def of(payment: Payment) -> list[Moment]:
    """Return a payment's timeline, the earliest first."""
    moments = [*_own(payment), *_money_back(payment), *_credits(payment), *_told(payment), *_found(payment)]
    return sorted([*moments, *_done_by_staff(payment)], key=lambda moment: moment.at)


def entries_of(payment: Payment) -> list[LedgerEntry]:
    """Return what the ledger has of a payment and of its reversals, the oldest first."""
    kinds = [LedgerEntry.Kind.PURCHASE, LedgerEntry.Kind.CLAWBACK, LedgerEntry.Kind.REINSTATE]
    references = [payment.id, *payment.reversals.values_list("reference", flat=True)]
    return list(LedgerEntry.objects.filter(kind__in=kinds, reference__in=references).order_by("pk"))


def _own(payment: Payment) -> Iterator[Moment]:
    yield Moment(payment.created_at, "ours", "Begun by", link_to_actor(payment.actor))
    if payment.settled_at:
        yield Moment(payment.settled_at, "ours", payment.get_status_display().capitalize(), why=payment.failure)
    if payment.next_check_at:
        yield Moment(payment.next_check_at, "later", "Looked at again")
    if payment.expected_at and payment.status in Payment.UNDECIDED:
        yield Moment(payment.expected_at, "later", "Credits are expected")
    for invoice in Invoice.objects.filter(payment=payment):
        yield Moment(invoice.created_at, "ours", "Invoice", link_to(invoice))


def _money_back(payment: Payment) -> Iterator[Moment]:
    for reversal in payment.reversals.all():
        amount = format_minor(reversal.amount_minor, payment.currency)
        yield Moment(reversal.created_at, "gateway", f"{amount} went back:", link_to(reversal))
        if reversal.undone_at:
            yield Moment(reversal.undone_at, "gateway", "Came to nothing:", link_to(reversal))


def _credits(payment: Payment) -> Iterator[Moment]:
    for entry in entries_of(payment):
        yield Moment(entry.created_at, "ours", f"{entry.available_delta:+} credits:", link_to(entry))


def _told(payment: Payment) -> Iterator[Moment]:
    for event in gateway_events.events_of(payment).order_by("-pk")[:MOST]:
        yield Moment(event.created_at, "gateway", "Event", link_to(event), event.error)


def _found(payment: Payment) -> Iterator[Moment]:
    for found in Discrepancy.objects.filter(payment=payment):
        yield Moment(found.created_at, "ours", "Discrepancy", link_to(found), found.details)
        if found.resolved_at:
            yield Moment(found.resolved_at, "ours", "Discrepancy closed", link_to(found))


def _done_by_staff(payment: Payment) -> Iterator[Moment]:
    for entry in AuditEntry.objects.filter(subject=payment.id).order_by("-pk")[:MOST]:
        yield Moment(entry.created_at, "staff", f"{entry.action} by", link_to_actor(entry.actor), why=entry.reason)
