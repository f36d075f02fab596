"""What came in and went back, and what of it wants a look."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from billing.models import CreditPack, Discrepancy, GatewayEvent, Payment, Reversal
from billing.takings import Takings, Unreconciled, takings, unreconciled
from zupertry.core import ids
from zupertry.testing.world import World

DAY = timedelta(days=1)


def a_payment(org_id: str, number: int, **changes: Any) -> Payment:
    pack = CreditPack.objects.filter(plan="starter", currency=changes.get("currency", "EUR"))[0]
    fields = {
        "pack": pack,
        "gateway": "stripe",
        "status": "paid",
        "actor": "system",
        "credits": 100,
        "currency": "EUR",
        "net_minor": 1500,
        "tax_minor": 285,
        "settled_at": timezone.now(),
    }
    return Payment.objects.create(organisation_id=org_id, idempotency_key=f"key-{number}", **{**fields, **changes})


def test_only_what_was_settled_in_the_time_counts_by_currency_and_before_tax(world: World) -> None:
    now = timezone.now()
    since = now - DAY
    paid = a_payment(world.alice.org_id, 1, settled_at=now - timedelta(hours=1))
    a_payment(world.alice.org_id, 2, settled_at=since)
    a_payment(world.charlie.org_id, 3, currency="USD", net_minor=700, settled_at=now - timedelta(hours=1))
    a_payment(world.alice.org_id, 4, settled_at=since - timedelta(seconds=1))
    a_payment(world.alice.org_id, 5, settled_at=now + DAY)
    a_payment(world.alice.org_id, 6, status="failed", settled_at=None)
    Reversal.objects.create(payment=paid, kind="refund", reference="re_1", amount_minor=1785, credits=100)
    Reversal.objects.create(
        payment=paid, kind="dispute", reference="dp_1", amount_minor=1785, credits=100, undone_at=now
    )

    assert takings(since, now + timedelta(minutes=1)) == {"EUR": Takings(3000, 1785), "USD": Takings(700, 0)}


def test_what_waits_for_a_person_is_counted(world: World) -> None:
    assert unreconciled() == Unreconciled(0, 0, 0)
    a_payment(world.alice.org_id, 1, status="quarantined", settled_at=None)
    Discrepancy.objects.create(kind="missing_here", gateway="stripe", reference="pi_1")
    Discrepancy.objects.create(kind="missing_here", gateway="stripe", reference="pi_2", resolved_at=timezone.now())
    late = ids.encode("gev", ids.first_at(timezone.now() - timedelta(hours=1)))
    GatewayEvent(id=late, gateway="stripe", reference="evt_1", type="charge.refunded", payload={}).save(
        force_insert=True
    )
    GatewayEvent.objects.create(gateway="stripe", reference="evt_2", type="charge.refunded", payload={})

    found = unreconciled()

    assert (found, found.total) == (Unreconciled(1, 1, 1), 3)
