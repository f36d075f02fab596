"""Credits that staff give and take."""

import pytest

from accounts.models import AuditEntry
from billing import adjustments, ledger
from billing.models import CreditAccount, LedgerEntry
from zupertry.core.errors import Refusal
from zupertry.testing.threads import at_once
from zupertry.testing.world import World

GIVEN = {"actor": "staff:usr_1", "reason": "an outage of ours", "note": "Goodwill"}


def available(world: World) -> int:
    return ledger.balance(world.alice.org_id).available


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "kind", "action", "delta"),
    [
        (adjustments.give, "grant", "credits.granted", 40),
        (adjustments.take, "adjustment", "credits.taken", -40),
    ],
)
def test_it_is_in_the_ledger_and_the_log_once_for_its_reference(world: World, change, kind, action, delta) -> None:
    assert [change(world.organisation, 40, "form-1", **GIVEN) for _ in range(2)] == [True, False]
    assert available(world) == 100 + delta
    entry = LedgerEntry.objects.get(kind=kind, reference="form-1")
    assert (entry.available_delta, entry.reserved_delta, entry.actor, entry.note) == (
        delta,
        0,
        "staff:usr_1",
        "Goodwill",
    )
    logged = AuditEntry.objects.get(action=action)
    assert (logged.reason, logged.details) == ("an outage of ours", {"credits": 40, "reference": "form-1"})


@pytest.mark.django_db
def test_nobody_is_left_in_debt(world: World) -> None:
    ledger.hold(world.alice.org_id, "job_1", actor="system")
    with pytest.raises(Refusal, match="Only 99 credits are available"):
        adjustments.take(world.organisation, 100, "form-1", **GIVEN)
    assert available(world) == 99
    assert not AuditEntry.objects.filter(action="credits.taken").exists()
    assert adjustments.take(world.organisation, 99, "form-1", **GIVEN)


@pytest.mark.django_db
def test_of_a_debt_nothing_is_available(world: World) -> None:
    CreditAccount.objects.filter(pk=world.alice.org_id).update(available=-3)
    with pytest.raises(Refusal, match="Only 0 credits"):
        adjustments.take(world.organisation, 1, "form-1", **GIVEN)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", [adjustments.give, adjustments.take])
def test_a_form_that_arrives_twice_at_once_counts_once(world: World, change) -> None:
    organisation = world.organisation
    results = at_once([lambda: change(organisation, 60, "form-1", **GIVEN)] * 4)
    assert sorted(results) == [False, False, False, True]
    assert abs(available(world) - 100) == 60
