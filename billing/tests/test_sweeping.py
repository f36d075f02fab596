import pytest

from accounts.models import Mail
from billing import ledger, sweeping


def told() -> int:
    sweeping.tell_of_low_balances()
    return Mail.objects.filter(kind="low_balance").count()


@pytest.mark.django_db
def test_a_balance_that_goes_up_and_down_around_its_mark_is_told_of_once(alice):
    ledger.grant(alice.id, -95, "spent", actor="system", note="")
    assert told() == 0
    for number in range(3):
        ledger.hold(alice.id, f"job_{number}", actor="key:1")
        assert told() == 1
        ledger.release(alice.id, f"job_{number}")
        assert told() == 1


@pytest.mark.django_db
def test_a_balance_that_was_filled_up_is_told_of_again(alice):
    ledger.grant(alice.id, -96, "spent", actor="system", note="")
    assert (told(), told()) == (1, 1)
    ledger.grant(alice.id, 100, "more", actor="system", note="")
    assert told() == 1
    ledger.grant(alice.id, -100, "spent again", actor="system", note="")
    assert told() == 2
