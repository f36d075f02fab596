"""What money came in and went back over a time, and what of it wants a person's look."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Sum
from django.utils import timezone

from billing.currencies import Gateway
from billing.models import Discrepancy, GatewayEvent, Payment, Reversal
from zupertry.core import ids

LATE = timedelta(minutes=10)
"""How long after its arrival a gateway's event that is not processed is worth a look."""


@dataclass(frozen=True, slots=True)
class Takings:
    """In minor units of a currency, before tax: what was paid; with tax: what went back by refunds and disputes."""

    paid_minor: int = 0
    returned_minor: int = 0


@dataclass(frozen=True, slots=True)
class Unreconciled:
    """Payments that were not for what was asked, differences to the gateways' books, and events not processed."""

    quarantined: int
    discrepancies: int
    events: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.quarantined + self.discrepancies + self.events


def takings(since: datetime, until: datetime) -> dict[str, Takings]:
    """Return what was settled from `since` to before `until`, by currency, in two queries."""
    # By gateway, since that is how the index begins.
    paid = Payment.objects.filter(
        gateway__in=Gateway.values, status=Payment.Status.PAID, settled_at__gte=since, settled_at__lt=until
    )
    came = dict(paid.order_by().values_list("currency").annotate(sum=Sum("net_minor")))
    first, after = (ids.encode("rev", ids.first_at(moment)) for moment in (since, until))
    reversed_ = Reversal.objects.filter(pk__gte=first, pk__lt=after, undone_at=None)
    went = dict(reversed_.order_by().values_list("payment__currency").annotate(sum=Sum("amount_minor")))
    return {currency: Takings(came.get(currency, 0), went.get(currency, 0)) for currency in sorted({*came, *went})}


def unreconciled() -> Unreconciled:
    """Return how much waits for a person, in three queries."""
    late = ids.encode("gev", ids.first_at(timezone.now() - LATE))
    return Unreconciled(
        quarantined=Payment.objects.filter(status=Payment.Status.QUARANTINED).count(),
        discrepancies=Discrepancy.objects.filter(resolved_at=None).count(),
        events=GatewayEvent.objects.filter(processed_at=None, pk__lt=late).aggregate(found=Count("pk"))["found"],
    )
