"""Proves the ledger: every account is the sum of its entries."""

from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Sum
from django.db.models.functions import Coalesce

from billing.models import CreditAccount
from zupertry.core import metrics


@dataclass(frozen=True, slots=True)
class Difference:
    """An account that its entries do not explain. All figures are credits."""

    organisation_id: str
    available: int
    available_by_ledger: int
    reserved: int
    reserved_by_ledger: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


def check() -> list[Difference]:
    """Look for differences, and have their number told at the next scrape of the metrics."""
    found = differences()
    metrics.ledger_checked(len(found))
    return found


def differences() -> list[Difference]:
    """Replay each account and return those that differ from their entries.

    It is a single query, which sees accounts and entries as of one moment, and keeps nobody from writing.
    """
    replayed = CreditAccount.objects.annotate(
        available_by_ledger=Coalesce(Sum("entries__available_delta"), 0),
        reserved_by_ledger=Coalesce(Sum("entries__reserved_delta"), 0),
    )
    figures = replayed.order_by("pk").values_list(
        "organisation_id", "available", "available_by_ledger", "reserved", "reserved_by_ledger"
    )
    return [Difference(*row) for row in figures.iterator() if (row[1], row[3]) != (row[2], row[4])]
