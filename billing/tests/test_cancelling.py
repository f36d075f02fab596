"""Cancelling, by way of real HTTP peers that speak Stripe's and Razorpay's wire formats."""

from functools import partial

import pytest

from accounts.models import AuditEntry, Region
from billing import auto_reload, cancelling, ledger, payments, regions, reloads
from billing.models import AutoReload, Payment
from billing.tests.test_payments import begin
from zupertry.core.errors import Refusal
from zupertry.testing.money import opened, post_event, smallest_pack
from zupertry.testing.threads import at_once

Status = Payment.Status
ACTOR = "user:usr_alice"

pytestmark = pytest.mark.django_db


def cancel(payment: Payment) -> Payment:
    return cancelling.cancel(Payment.objects.get(pk=payment.pk), actor=ACTOR)


def noted() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.filter(action="payment.cancelled").values_list("actor", "subject"))


def test_a_payment_that_waits_ends_here_and_at_stripe(stripe, alice):
    payment = begin(alice)

    ended = cancel(payment)

    assert (ended.status, ended.was_cancelled, ended.next_check_at) == (Status.EXPIRED, True, None)
    assert ended.settled_at
    assert stripe.objects[payment.checkout_reference]["status"] == "expired"
    assert noted() == [(ACTOR, payment.id)]
    assert not cancelling.is_under_way(alice)
    assert regions.move(alice, Region.GLOBAL, actor="staff:1", reason="moved")


def test_twice_is_once(stripe, alice):
    stale = begin(alice)
    for _ in range(2):
        assert cancelling.cancel(stale, actor=ACTOR).was_cancelled
        assert cancel(stale).was_cancelled
    assert len(noted()) == 1


@pytest.mark.django_db(transaction=True)
def test_ten_times_at_once_is_once(stripe, alice):
    payment = begin(alice)
    assert all(ended.was_cancelled for ended in at_once([partial(cancelling.cancel, payment, actor=ACTOR)] * 10))
    assert len(noted()) == 1


def test_stripes_own_event_may_be_faster(stripe, alice, monkeypatch):
    payment = begin(alice)
    stale = Payment.objects.get(pk=payment.pk)
    stripe.expire(payment.checkout_reference)
    assert post_event(stripe, stripe.events[-1]) == 200
    assert Payment.objects.get().status == Status.EXPIRED

    assert cancelling.cancel(stale, actor=ACTOR).was_cancelled
    assert len(noted()) == 1


def test_what_was_paid_meanwhile_is_paid(stripe, alice):
    payment = begin(alice)
    stripe.pay(payment.checkout_reference)

    assert cancel(payment).status == Status.PAID
    assert ledger.balance(alice.id).available == 100 + payment.credits
    assert noted() == []


def test_what_is_on_its_way_from_a_bank_is_not_held_back(stripe, alice):
    payment = begin(alice)
    stripe.pay(payment.checkout_reference, "bank_debit")

    with pytest.raises(Refusal, match="has just gone on"):
        cancel(payment)
    stripe.settle_bank_debit(payment.checkout_reference)

    assert payments.settle(payment.id).status == Status.PAID
    assert noted() == []


@pytest.mark.parametrize("how", ["500", "garbage", "reset", "403"])
def test_when_stripe_fails_nothing_is_changed_and_it_is_said(stripe, alice, how):
    payment = begin(alice)
    before = Payment.objects.values().get(pk=payment.pk)
    stripe.break_next(4, how)

    with pytest.raises(Refusal, match="may be cancelled or not") as refusal:
        cancel(payment)

    assert refusal.value.code == "payment_provider_error"
    assert Payment.objects.values().get(pk=payment.pk) == before
    stripe.mend()
    assert cancel(payment).was_cancelled


def test_when_stripes_answer_is_lost_the_next_try_finds_it_done(stripe, alice):
    payment = begin(alice)
    stripe.break_next(2, "after")
    with pytest.raises(Refusal):
        cancel(payment)
    assert cancel(payment).was_cancelled
    assert len(noted()) == 1


def test_a_purchase_that_stripe_never_answered_ends_and_its_form_is_used_up(stripe, alice):
    stripe.break_next(6)
    with pytest.raises(Refusal):
        begin(alice)
    stripe.mend()

    assert cancel(Payment.objects.get()).was_cancelled
    with pytest.raises(Refusal, match="used already"):
        begin(alice)


def test_a_charge_that_waits_for_a_confirmation_ends_and_is_no_failure_of_auto_reloads(stripe, alice):
    first = begin(alice, keep_method=True)
    stripe.pay(first.checkout_reference, "needs_authentication_later")
    payments.settle(first.id)
    pack = smallest_pack(alice)
    auto_reload.switch_on(alice, pack=pack, threshold=1000, monthly_cap_minor=10_000_00, actor=ACTOR)
    reloads.run(alice.id)
    charge = Payment.objects.get(purpose="auto_reload")
    assert charge.needs_authentication

    ended = cancel(charge)

    assert (ended.status, ended.needs_authentication) == (Status.EXPIRED, False)
    assert stripe.objects[charge.gateway_reference]["status"] == "canceled"
    reload = AutoReload.objects.get()
    assert (reload.enabled, reload.failures_in_a_row) == (True, 0)
    assert payments.settle(charge.id).was_cancelled


def test_a_charge_that_waits_for_nobody_is_refused(alice):
    with pytest.raises(Refusal, match="under way already"):
        cancel(opened(alice, purpose="auto_reload"))


def test_an_order_at_razorpay_ends_here_and_what_is_paid_late_is_credited(razorpay, asha):
    payment = begin(asha)
    assert cancel(payment).was_cancelled
    assert not cancelling.is_under_way(asha)

    razorpay.pay(payment.checkout_reference)

    paid = payments.settle(payment.id)
    assert (paid.status, paid.failure) == (Status.PAID, "")
    assert ledger.balance(asha.id).available == 100 + payment.credits
