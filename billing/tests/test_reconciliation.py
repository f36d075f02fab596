import json
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing import ledger, payments, reconciliation
from billing.gateways.base import GatewayError
from billing.gateways.registry import gateways
from billing.models import Discrepancy, LedgerEntry, Payment
from billing.tests.test_payments import begin
from zupertry.testing.threads import at_once

Status = Payment.Status


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch):
    """Let what was paid this second be late already."""
    monkeypatch.setattr(reconciliation, "GRACE", timedelta(seconds=-5))


def since() -> datetime:
    return timezone.now() - timedelta(hours=1)


def found() -> list[str]:
    return [difference.kind for difference in reconciliation.reconcile(since())]


def paid(stripe, alice, token: str = "form-1") -> Payment:
    payment = begin(alice, token)
    stripe.pay(payment.checkout_reference)
    return payment


@pytest.mark.django_db
def test_what_agrees_is_no_difference(stripe, alice):
    payments.settle(paid(stripe, alice).id)
    begin(alice, "never paid")
    assert found() == []


@pytest.mark.django_db
def test_what_nobody_told_us_of_is_credited_on_the_way(stripe, alice):
    payment = paid(stripe, alice)
    assert found() == []
    payment.refresh_from_db()
    assert (payment.status, ledger.balance(alice.id).available) == (Status.PAID, 100 + payment.credits)
    stripe.refund(payment.gateway_reference)
    assert found() == []
    assert ledger.balance(alice.id).available == 100


@pytest.mark.django_db
def test_a_payment_that_is_set_aside_stays_a_difference_until_it_is_no_more(stripe, alice):
    payment = begin(alice)
    Payment.objects.filter(pk=payment.pk).update(net_minor=1)
    stripe.pay(payment.checkout_reference)
    assert found() == ["paid_not_credited"]
    assert found() == ["paid_not_credited"]
    assert sorted(Discrepancy.objects.values_list("kind", flat=True)) == ["paid_not_credited", "quarantined"]

    Payment.objects.filter(pk=payment.pk).update(net_minor=payment.net_minor, status=Status.OPEN)  # staff's doing
    assert found() == []
    assert not Discrepancy.objects.filter(resolved_at=None).exists()
    assert ledger.balance(alice.id).available == 100 + payment.credits


@pytest.mark.django_db
def test_a_payment_of_nobody_is_named(stripe, alice):
    payment = paid(stripe, alice)
    for value in stripe.objects.values():
        value.get("metadata", {}).pop("payment_id", None)
    Payment.objects.filter(pk=payment.pk).delete()
    assert found() == ["unknown_payment"]
    assert Discrepancy.objects.get().payment is None


@pytest.mark.django_db
def test_credits_for_what_was_never_paid_are_found(stripe, alice):
    payment = begin(alice)
    now = timezone.now()
    Payment.objects.filter(pk=payment.pk).update(status=Status.PAID, settled_at=now)
    assert found() == ["credited_not_paid", "not_in_ledger"]


@pytest.mark.django_db
def test_a_purchase_entry_without_a_payment_is_found(stripe, alice):
    payment = begin(alice)
    ledger.purchase(alice.id, payment.credits, payment.id, actor="user:1")
    assert found() == ["in_ledger_only"]


@pytest.mark.django_db
def test_a_paid_payment_that_the_ledger_lacks_is_found(stripe, alice, monkeypatch):
    payment = paid(stripe, alice)
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "purchase", lambda *_, **__: None)
        payments.settle(payment.id)
    assert not LedgerEntry.objects.filter(kind="purchase").exists()
    assert found() == ["not_in_ledger"]


@pytest.mark.django_db
def test_what_was_paid_just_now_is_given_time(stripe, alice, monkeypatch):
    monkeypatch.setattr(reconciliation, "GRACE", timedelta(minutes=10))
    paid(stripe, alice)
    assert found() == []
    assert ledger.balance(alice.id).available == 100


@pytest.mark.django_db
def test_the_command_lists_every_difference_and_fails(stripe, alice, capsys):
    call_command("reconcile_payments")
    assert "0 differences" in capsys.readouterr().out
    payment = begin(alice)
    ledger.purchase(alice.id, payment.credits, payment.id, actor="user:1")
    with pytest.raises(SystemExit) as exit_:
        call_command("reconcile_payments", "--json", "--since", "2026-01-01")
    assert exit_.value.code == 1
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [difference["payment_id"] for difference in report["differences"]] == [payment.id]
    assert report["since"] == "2026-01-01T00:00:00+00:00"


@pytest.mark.django_db
def test_the_command_says_what_is_missing(stripe, settings):
    settings.PAYMENT_GATEWAYS = {}
    with pytest.raises(CommandError, match="No gateway is configured"):
        call_command("reconcile_payments")


@pytest.mark.django_db
def test_a_payment_that_was_charged_twice_is_named(stripe, alice):
    payment = payments.settle(paid(stripe, alice).id)
    twin = paid(stripe, alice, "form-2")
    other = stripe.objects[stripe.objects[twin.checkout_reference]["payment_intent"]]
    other["metadata"]["payment_id"] = payment.id
    Payment.objects.filter(pk=twin.pk).delete()
    assert found() == ["paid_twice"]
    assert Discrepancy.objects.get().reference == other["id"] != payment.gateway_reference
    stripe.refund(other["id"])
    assert found() == []
    assert not Discrepancy.objects.filter(resolved_at=None).exists()


@pytest.mark.django_db
def test_money_that_was_set_aside_and_is_back_with_its_buyer_is_mended(stripe, alice):
    payment = begin(alice)
    Payment.objects.filter(pk=payment.pk).update(net_minor=1)
    stripe.pay(payment.checkout_reference)
    assert found() == ["paid_not_credited"]
    stripe.refund(stripe.objects[payment.checkout_reference]["payment_intent"])
    assert found() == []
    assert not Discrepancy.objects.filter(resolved_at=None).exists()
    assert ledger.balance(alice.id).available == 100


@pytest.mark.django_db
def test_a_payment_that_the_gateway_lists_twice_is_one_difference(stripe, alice, monkeypatch):
    payment = begin(alice)
    Payment.objects.filter(pk=payment.pk).update(net_minor=1)
    stripe.pay(payment.checkout_reference)
    once = gateways["stripe"].paid_since
    monkeypatch.setattr(gateways["stripe"], "paid_since", lambda since: [*once(since), *once(since)])
    assert found() == ["paid_not_credited"]
    assert found() == ["paid_not_credited"]


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_write_each_difference_once(stripe, alice):
    payment = begin(alice)
    Payment.objects.filter(pk=payment.pk).update(net_minor=1)
    stripe.pay(payment.checkout_reference)
    assert at_once([found] * 4) == [["paid_not_credited"]] * 4
    assert Discrepancy.objects.filter(kind="paid_not_credited").count() == 1


@pytest.mark.django_db
def test_a_payment_that_the_gateway_does_not_know_hides_no_other(stripe, alice):
    """Of another account, say, whose key was replaced."""
    lost = payments.settle(paid(stripe, alice).id)
    Payment.objects.filter(pk=lost.pk).update(checkout_reference="cs_gone", gateway_reference="pi_gone")
    stripe.objects.pop(lost.gateway_reference)
    untold = paid(stripe, alice, "form-2")
    assert found() == ["credited_not_paid"]
    untold.refresh_from_db()
    assert untold.status == Status.PAID


@pytest.mark.django_db
def test_a_gateway_that_is_away_does_not_keep_the_next_from_being_compared(stripe, razorpay, alice, asha):
    payment = begin(asha)
    razorpay.pay(payment.checkout_reference)
    stripe.break_next(100, "500")
    with pytest.raises(GatewayError):
        reconciliation.reconcile(since())
    payment.refresh_from_db()
    assert payment.status == Status.PAID


@pytest.mark.django_db
def test_money_that_goes_back_long_after_the_payment_is_found(stripe, alice):
    payment = payments.settle(paid(stripe, alice).id)
    long_ago = timezone.now() - timedelta(days=60)
    Payment.objects.filter(pk=payment.pk).update(settled_at=long_ago)
    for value in stripe.objects.values():
        if value["object"] == "payment_intent":
            value["created"] = int(long_ago.timestamp())
    dispute = stripe.dispute(payment.gateway_reference)
    assert found() == []
    assert ledger.balance(alice.id).available == 100
    stripe.close_dispute(dispute["id"], "won")
    reconciliation.look_at_disputes()
    assert ledger.balance(alice.id).available == 100 + payment.credits


@pytest.mark.django_db
def test_a_refund_in_india_is_found_too(razorpay, asha):
    payment = begin(asha)
    razorpay.pay(payment.checkout_reference)
    payment = payments.settle(payment.id)
    razorpay.refund(payment.gateway_reference)
    assert list(gateways["razorpay"].money_back_since(since())) == [payment.gateway_reference]
    assert found() == []
    assert ledger.balance(asha.id).available == 100
