import json
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing import ledger, payments, reconciliation
from billing.models import Discrepancy, LedgerEntry, Payment
from billing.tests.test_payments import begin

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
def test_the_command_says_what_is_missing(settings, stripe):
    settings.PAYMENT_GATEWAYS = {}
    with pytest.raises(CommandError, match="No gateway is configured"):
        call_command("reconcile_payments")
