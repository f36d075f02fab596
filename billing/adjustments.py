"""Credits that staff give and take. Each is once for its reference, however often the same form is sent."""

from collections.abc import Callable

from django.db import IntegrityError, transaction

from accounts import audit
from accounts.models import Organisation
from billing import ledger
from billing.models import LedgerEntry

Kind = LedgerEntry.Kind


def give(organisation: Organisation, credits_: int, reference: str, *, actor: str, reason: str, note: str) -> bool:
    """Give credits for nothing. False: `reference` has given them already. The customer reads `note`."""

    def post() -> None:
        ledger.grant(organisation.id, credits_, reference, actor=actor, note=note)
        _record(organisation, "credits.granted", credits_, reference, actor, reason)

    return _once(Kind.GRANT, reference, post)


def take(organisation: Organisation, credits_: int, reference: str, *, actor: str, reason: str, note: str) -> bool:
    """Take credits that are available. False: `reference` has taken them already. The customer reads `note`.

    Raises `Refusal` (`insufficient_credits`): staff leave nobody in debt.
    """

    def post() -> None:
        ledger.adjust(organisation.id, credits_, reference, actor=actor, note=note)
        _record(organisation, "credits.taken", credits_, reference, actor, reason)

    return _once(Kind.ADJUSTMENT, reference, post)


def _once(kind: Kind, reference: str, post: Callable[[], None]) -> bool:
    """Post an entry and its line in the log together, unless the ledger has it."""
    posted = LedgerEntry.objects.filter(kind=kind, reference=reference)
    if posted.exists():
        return False
    try:
        with transaction.atomic():
            post()
    except IntegrityError:
        if not posted.exists():
            raise
        return False  # the same form arrived twice at this moment, and the other was first
    return True


def _record(organisation: Organisation, action: str, credits_: int, reference: str, actor: str, reason: str) -> None:
    audit.record(organisation, actor, action, organisation.id, reason=reason, credits=credits_, reference=reference)
