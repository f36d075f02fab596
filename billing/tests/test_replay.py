import threading

import pytest
from django.db import connection

from billing import ledger, replay
from billing.models import CreditAccount, LedgerEntry
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_account_is_the_sum_of_its_entries(world: World) -> None:
    ledger.hold(world.alice.org_id, "job_1", actor="key:1")
    assert replay.differences() == []


@pytest.mark.parametrize("field", ["available", "reserved"])
def test_an_account_that_was_tampered_with_is_found(world: World, field: str) -> None:
    CreditAccount.objects.filter(pk=world.alice.org_id).update(**{field: 7})
    (found,) = replay.differences()
    assert found.organisation_id == world.alice.org_id
    assert (getattr(found, field), getattr(found, f"{field}_by_ledger")) == (7, 100 if field == "available" else 0)


def test_an_entry_without_its_change_is_found(world: World) -> None:
    LedgerEntry.objects.create(
        account_id=world.charlie.org_id,
        kind="grant",
        available_delta=5,
        reserved_delta=0,
        reference="forged",
        actor="nobody",
    )
    (found,) = replay.differences()
    assert (found.available, found.available_by_ledger) == (100, 105)


def test_an_account_without_entries_counts_as_nothing(world: World) -> None:
    """Accounts start at zero, and one that starts otherwise is a difference."""
    assert CreditAccount.objects.count() == 2
    CreditAccount.objects.filter(pk=world.alice.org_id).update(available=100)
    assert replay.differences() == []


def test_the_books_balance_while_they_are_being_written(world: World) -> None:
    """Every replay looks at one moment, though another thread changes accounts all the while."""
    stop = threading.Event()

    def spend() -> None:
        number = 0
        while not stop.is_set():
            ledger.grant(world.alice.org_id, 1, f"grant_{number}", actor="system", note="")
            number += 1
        connection.close()

    spender = threading.Thread(target=spend)
    spender.start()
    try:
        assert [replay.differences() for _ in range(20)] == [[]] * 20
    finally:
        stop.set()
        spender.join()
