"""The only writer of credits. Each function changes the account and appends its entry, in the caller's transaction.

An account is changed by one conditional UPDATE, so that two requests never spend the last credit twice; an entry's
unique reference makes the same change impossible twice.
"""

from django.db import transaction
from django.db.models import F

from billing.models import CreditAccount, LedgerEntry
from zupertry.core.errors import Refusal

Kind = LedgerEntry.Kind
KINDS_OF_JOBS = [Kind.HOLD, Kind.CAPTURE, Kind.RELEASE, Kind.REFUND]


def open_account(organisation_id: str) -> CreditAccount:
    """Give an organisation its account, with no credits."""
    return CreditAccount.objects.create(organisation_id=organisation_id)


def balance(organisation_id: str) -> CreditAccount:
    """Return the account: what is available and what is reserved, in credits."""
    return CreditAccount.objects.get(organisation_id=organisation_id)


def of_job(job_id: str) -> list[LedgerEntry]:
    """Return what a job's credit came to, the oldest first."""
    # With their kinds, for the index on references begins with those.
    return list(LedgerEntry.objects.filter(kind__in=KINDS_OF_JOBS, reference=job_id).order_by("pk"))


def hold(organisation_id: str, job_id: str, *, actor: str) -> None:
    """Reserve one credit for a job. Raises `Refusal` (`insufficient_credits`) when none is available."""
    if not _change(organisation_id, -1, +1, least_available=1):
        raise _insufficient(organisation_id)
    _append(organisation_id, Kind.HOLD, -1, +1, job_id, actor)


def capture(organisation_id: str, job_id: str) -> None:
    """Spend the credit that was held for a job."""
    _post(organisation_id, Kind.CAPTURE, 0, -1, job_id, "system")


def release(organisation_id: str, job_id: str, *, actor: str = "system") -> None:
    """Give back the credit that was held for a job."""
    _post(organisation_id, Kind.RELEASE, +1, -1, job_id, actor)


def refund(organisation_id: str, job_id: str, *, actor: str, note: str) -> None:
    """Give back the credit that a completed job had spent."""
    _post(organisation_id, Kind.REFUND, +1, 0, job_id, actor, note)


def grant(organisation_id: str, credits_: int, reference: str, *, actor: str, note: str) -> None:
    """Give credits for nothing. `reference` tells one grant from another, and makes it happen once."""
    _post(organisation_id, Kind.GRANT, credits_, 0, reference, actor, note)


def adjust(organisation_id: str, credits_: int, reference: str, *, actor: str, note: str) -> None:
    """Take credits, as staff decide, in the caller's transaction; `reference` makes it happen once.

    Raises `Refusal` (`insufficient_credits`) when fewer are available: only money that went back leaves a debt.
    """
    _append(organisation_id, Kind.ADJUSTMENT, -credits_, 0, reference, actor, note)
    if not _change(organisation_id, -credits_, 0, least_available=credits_):
        available = max(0, balance(organisation_id).available)
        raise Refusal("insufficient_credits", f"Only {available:,} credits are available. Take at most so many.")


def purchase(organisation_id: str, credits_: int, payment_id: str, *, actor: str) -> None:
    """Give the credits that a payment was for."""
    _post(organisation_id, Kind.PURCHASE, credits_, 0, payment_id, actor)


def clawback(organisation_id: str, credits_: int, reference: str, *, note: str) -> None:
    """Take credits back whose money went back. `reference` is the gateway's refund or dispute. May leave a debt."""
    _post(organisation_id, Kind.CLAWBACK, -credits_, 0, reference, "system", note)


def reinstate(organisation_id: str, credits_: int, reference: str, *, note: str) -> None:
    """Give credits again that were taken back for a refund or dispute which came to nothing."""
    _post(organisation_id, Kind.REINSTATE, credits_, 0, reference, "system", note)


@transaction.atomic(savepoint=False)
def _post(
    organisation_id: str, kind: Kind, available: int, reserved: int, reference: str, actor: str, note: str = ""
) -> None:
    _append(organisation_id, kind, available, reserved, reference, actor, note)
    if not _change(organisation_id, available, reserved):
        raise CreditAccount.DoesNotExist(organisation_id)


def _change(organisation_id: str, available: int, reserved: int, *, least_available: int | None = None) -> bool:
    account = CreditAccount.objects.filter(organisation_id=organisation_id)
    if least_available is not None:
        account = account.filter(available__gte=least_available)
    changed = account.update(available=F("available") + available, reserved=F("reserved") + reserved)
    return changed == 1


def _append(
    organisation_id: str, kind: Kind, available: int, reserved: int, reference: str, actor: str, note: str = ""
) -> None:
    LedgerEntry(
        account_id=organisation_id,
        kind=kind,
        available_delta=available,
        reserved_delta=reserved,
        reference=reference,
        actor=actor,
        note=note,
    ).save(force_insert=True)


def _insufficient(organisation_id: str) -> Refusal:
    available = balance(organisation_id).available
    if available < 0:
        owed = "1 credit is owed" if available == -1 else f"{-available} credits are owed"
        return Refusal("insufficient_credits", f"{owed}. Buy at least {1 - available} credits: a job takes one.")
    return Refusal("insufficient_credits", "No credits are left. Buy credits, or use a test key, which is free.")
