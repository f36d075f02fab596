from functools import partial

import pytest
from django.db import IntegrityError, transaction

from billing import ledger, replay
from billing.models import CreditAccount, LedgerEntry
from zupertry.core.errors import Refusal
from zupertry.testing.threads import at_once
from zupertry.testing.world import World

ACTOR = "key:1"


def figures(org_id: str) -> tuple[int, int]:
    account = ledger.balance(org_id)
    return account.available, account.reserved


@pytest.fixture
def org_id(world: World) -> str:
    """An organisation with 100 credits."""
    return world.alice.org_id


@pytest.mark.django_db
def test_a_job_that_succeeds_spends_its_credit(org_id: str) -> None:
    ledger.hold(org_id, "job_1", actor=ACTOR)
    assert figures(org_id) == (99, 1)
    ledger.capture(org_id, "job_1")
    assert figures(org_id) == (99, 0)


@pytest.mark.django_db
def test_a_job_that_fails_gives_its_credit_back(org_id: str) -> None:
    ledger.hold(org_id, "job_1", actor=ACTOR)
    ledger.release(org_id, "job_1")
    assert figures(org_id) == (100, 0)


@pytest.mark.django_db
def test_a_refund_gives_a_spent_credit_back(org_id: str) -> None:
    ledger.hold(org_id, "job_1", actor=ACTOR)
    ledger.capture(org_id, "job_1")
    ledger.refund(org_id, "job_1", actor="staff:1", note="A bad picture")
    assert figures(org_id) == (100, 0)
    entry = LedgerEntry.objects.get(kind="refund")
    assert (entry.actor, entry.note) == ("staff:1", "A bad picture")


@pytest.mark.django_db
@pytest.mark.parametrize(("grant", "says"), [(-100, "No credits"), (-103, "3 credits are owed. Buy at least 4")])
def test_a_hold_needs_a_credit(org_id: str, grant: int, says: str) -> None:
    ledger.grant(org_id, grant, "taken", actor="staff:1", note="")
    with pytest.raises(Refusal, match=says) as refusal:
        ledger.hold(org_id, "job_1", actor=ACTOR)
    assert refusal.value.code == "insufficient_credits"
    assert not LedgerEntry.objects.filter(kind="hold").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("first", "second"), [("capture", "release"), ("release", "capture"), ("capture", "capture")])
def test_a_hold_ends_once(org_id: str, first: str, second: str) -> None:
    for job_id in ("job_1", "job_2"):
        ledger.hold(org_id, job_id, actor=ACTOR)
    getattr(ledger, first)(org_id, "job_1")
    before = figures(org_id)
    with pytest.raises(IntegrityError), transaction.atomic():
        getattr(ledger, second)(org_id, "job_1")
    assert figures(org_id) == before
    assert replay.differences() == []


@pytest.mark.django_db
def test_the_same_thing_happens_once(org_id: str) -> None:
    ledger.hold(org_id, "job_1", actor=ACTOR)
    for again in (
        lambda: ledger.hold(org_id, "job_1", actor=ACTOR),
        lambda: ledger.grant(org_id, 5, f"bootstrap:{org_id}", actor=ACTOR, note=""),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            again()
    assert figures(org_id) == (99, 1)


@pytest.mark.django_db
def test_reserved_never_falls_below_zero(org_id: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.capture(org_id, "job_never_held")
    assert figures(org_id) == (100, 0)


@pytest.mark.django_db
def test_there_is_no_entry_without_an_account() -> None:
    with pytest.raises((IntegrityError, CreditAccount.DoesNotExist)), transaction.atomic():
        ledger.grant("org_" + "0" * 26, 5, "nobody", actor=ACTOR, note="")
    assert not LedgerEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_hundreds_of_changes_at_once_add_up(org_id: str) -> None:
    def spend(number: int) -> None:
        with transaction.atomic():
            ledger.hold(org_id, f"job_{number}", actor=ACTOR)
        end = ledger.capture if number % 2 else ledger.release
        end(org_id, f"job_{number}")

    outcomes = at_once([partial(spend, number) for number in range(60)])
    assert outcomes == [None] * 60
    assert figures(org_id) == (70, 0)
    assert replay.differences() == []


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_transaction_leaves_neither_entry_nor_change(org_id: str) -> None:
    with transaction.atomic():
        ledger.hold(org_id, "job_1", actor=ACTOR)
        transaction.set_rollback(True)
    assert figures(org_id) == (100, 0)
    assert not LedgerEntry.objects.filter(kind="hold").exists()
