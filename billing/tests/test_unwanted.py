"""Charges and purchases that nobody wants any more, by the time that they would be made."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import organisations
from accounts.models import Organisation
from billing import auto_reload, reloads
from billing.models import AutoReload, Payment
from billing.tests.conftest import follow_up
from billing.tests.test_payments import begin
from billing.tests.test_reloads import charges, mails, switch_on
from zupertry.core.errors import Refusal


@pytest.mark.django_db
@pytest.mark.parametrize(
    "stop",
    [
        lambda alice: auto_reload.switch_off(alice, actor="user:1"),
        lambda alice: organisations.suspend(alice, actor="staff:1", reason=""),
    ],
    ids=["switched off", "suspended"],
)
def test_what_was_not_begun_is_not_begun_any_more_once_nobody_wants_it(stripe, card, alice, stop):
    switch_on(alice)
    stripe.break_next(2, "reset")
    reloads.run(alice.id)
    payment = Payment.objects.get(purpose="auto_reload")
    assert payment.status == "created"
    asked = len(charges(stripe))

    stop(alice)
    follow_up(payment)
    assert (payment.status, len(charges(stripe))) == ("failed", asked)
    assert "auto_reload_failed" not in mails(), "nothing of theirs has failed"
    assert AutoReload.objects.get(pk=alice.pk).failures_in_a_row == 0


@pytest.mark.django_db
def test_what_was_begun_before_nobody_wanted_it_counts(stripe, card, alice):
    """Ended unlooked at, it would be charged again once auto-reload is on, and neither cap nor deletion knew of it."""
    switch_on(alice)
    stripe.break_next(2, "after")
    reloads.run(alice.id)
    payment = Payment.objects.get(purpose="auto_reload")
    assert payment.status == "created"

    auto_reload.switch_off(alice, actor="user:1")
    follow_up(payment)
    assert payment.status == "paid"


@pytest.mark.django_db
def test_what_is_to_be_deleted_is_neither_switched_on_nor_sold_to_by_a_request_in_flight(stripe, card, alice):
    """Such a request has read the organisation before the deletion was asked for."""
    Organisation.objects.filter(pk=alice.pk).update(deletion_due_at=timezone.now() + timedelta(days=7))
    assert alice.deletion_due_at is None
    for buy in (lambda: switch_on(alice), lambda: begin(alice, "second")):
        with pytest.raises(Refusal, match="to be deleted"):
            buy()
    assert AutoReload.objects.count() == 0
    assert Payment.objects.count() == 1
