"""What an organisation's people are told about its money. Each of these writes a mail in the caller's transaction.

Each tells of one change, once: asked again about the same payment, reversal or reference, it does nothing.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from accounts import mails
from accounts.models import Role
from billing import ledger
from billing.models import AutoReload, Payment, PaymentMethod, Reversal

PEOPLE = (Role.OWNER, Role.ADMIN, Role.BILLING)
"""The members that see and do what is about money."""


class Kind(StrEnum):
    """Every mail about money, by the name of its templates in `templates/mail`."""

    RECEIPT = "receipt"
    LOW_BALANCE = "low_balance"
    AUTO_RELOAD_MADE = "auto_reload_made"
    AUTO_RELOAD_FAILED = "auto_reload_failed"
    AUTO_RELOAD_AUTHENTICATION = "auto_reload_authentication"
    AUTO_RELOAD_CAPPED = "auto_reload_capped"
    AUTO_RELOAD_OFF = "auto_reload_off"
    METHOD_EXPIRING = "method_expiring"
    PAYMENT_REVERSED = "payment_reversed"
    PAYMENT_REINSTATED = "payment_reinstated"


def receipt(payment: Payment, balance: int) -> None:
    """Tell that a payment was made; `balance` is the credits available since."""
    _send_about(payment, Kind.RECEIPT, balance=balance)


def low_balance(organisation_id: str, available: int, threshold: int, reference: str) -> None:
    """Tell that fewer than `threshold` credits are available. `reference` names this crossing of it."""
    _send(
        organisation_id, Kind.LOW_BALANCE, reference, available=available, owed=max(0, -available), threshold=threshold
    )


def auto_reload_made(payment: Payment) -> None:
    """Tell that auto-reload has bought credits or, while the payment is not settled, that it has asked for them."""
    expected_on = _day(payment.expected_at) if payment.expected_at else ""
    paid = payment.status == Payment.Status.PAID
    _send_about(payment, Kind.AUTO_RELOAD_MADE, paid=paid, expected_on=expected_on)


def auto_reload_failed(payment: Payment) -> None:
    """Tell that auto-reload could not buy credits, and why: `payment.failure`, in the gateway's words."""
    _send_about(payment, Kind.AUTO_RELOAD_FAILED, failure=payment.failure)


def auto_reload_needs_authentication(payment: Payment) -> None:
    """Ask for the confirmation that the bank wants, with a link to this very payment."""
    _send_about(payment, Kind.AUTO_RELOAD_AUTHENTICATION)


def auto_reload_capped(reload: AutoReload, amount_minor: int, spent_minor: int, month: str) -> None:
    """Tell that one more pack would be above the monthly cap: once in each `month` (`2026-03`)."""
    context = {"amount_minor": amount_minor, "spent_minor": spent_minor, "cap_minor": reload.monthly_cap_minor}
    _send(reload.pk, Kind.AUTO_RELOAD_CAPPED, f"{reload.pk}:{month}", **context)


def auto_reload_off(organisation_id: str, because: str, reference: str) -> None:
    """Tell that auto-reload was switched off. `because` is a whole sentence; `reference` names this change."""
    _send(organisation_id, Kind.AUTO_RELOAD_OFF, reference, because=because)


def method_expiring(method: PaymentMethod) -> None:
    """Tell that a kept payment method, which has an `expires_on`, ends soon: once for each such day."""
    assert method.expires_on is not None
    reference = f"{method.id}:{method.expires_on:%Y-%m}"
    month = f"{method.expires_on:%B %Y}"
    _send(method.organisation_id, Kind.METHOD_EXPIRING, reference, method=_named(method), month=month)


def payment_reversed(reversal: Reversal) -> None:
    """Tell that a refund or dispute took credits back, and what is owed since."""
    available = ledger.balance(reversal.payment.organisation_id).available
    _send_about_reversal(reversal, Kind.PAYMENT_REVERSED, balance=available, owed=max(0, -available))


def payment_reinstated(reversal: Reversal) -> None:
    """Tell that the credits are back: the refund failed, or the dispute was won."""
    available = ledger.balance(reversal.payment.organisation_id).available
    _send_about_reversal(reversal, Kind.PAYMENT_REINSTATED, balance=available)


def _send(organisation_id: str, kind: Kind, reference: str, **context: Any) -> None:
    mails.send(organisation_id, kind, reference, roles=PEOPLE, **context)


def _send_about(payment: Payment, kind: Kind, **context: Any) -> None:
    _send(payment.organisation_id, kind, payment.id, **_facts(payment), **context)


def _send_about_reversal(reversal: Reversal, kind: Kind, **context: Any) -> None:
    payment = reversal.payment
    facts = {
        **_facts(payment),
        "credits": reversal.credits,
        "amount_minor": reversal.amount_minor,
        "disputed": reversal.kind == Reversal.Kind.DISPUTE,
    }
    _send(payment.organisation_id, kind, reversal.id, **facts, **context)


def _facts(payment: Payment) -> dict[str, Any]:
    return {
        "payment_id": payment.id,
        "credits": payment.credits,
        "currency": payment.currency,
        "amount_minor": payment.amount_minor,
        "tax_minor": payment.tax_minor,
        "method": _named(payment.method) if payment.method else "",
        "made_on": _day(payment.settled_at or payment.created_at),
    }


def _named(method: PaymentMethod) -> str:
    """Return a method as its owner knows it: `Visa ending in 4242`."""
    name = (method.brand or method.kind).replace("_", " ")
    name = name[:1].upper() + name[1:]
    return f"{name} ending in {method.last_four}" if method.last_four else name


def _day(moment: datetime) -> str:
    """Return a day that reads the same everywhere: `19 March 2026`, in UTC."""
    return f"{moment.day} {moment:%B %Y}"
