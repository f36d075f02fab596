"""Purchases in India, by way of a real HTTP peer that speaks Razorpay's wire format."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from billing import auto_reload, catalogue, ledger, payments, reloads
from billing.models import GatewayEvent, Invoice, Payment, PaymentMethod
from billing.tasks import process_event
from billing.tests.conftest import follow_up
from billing.tests.test_payments import begin
from zupertry.core.errors import Refusal

Status = Payment.Status


def available(organisation) -> int:
    return ledger.balance(organisation.id).available


@pytest.mark.django_db
def test_a_purchase_is_paid_on_our_own_page_with_gst_and_an_invoice(razorpay, asha):
    payment = begin(asha)
    assert (payment.status, payment.checkout_url) == (Status.OPEN, "")
    assert payment.tax_minor == payment.net_minor * 18 // 100
    form = payments.checkout_form(payment)
    assert form.script_url == f"{razorpay.url}/v1/checkout.js"
    assert (form.options["order_id"], form.options["amount"]) == (payment.checkout_reference, payment.amount_minor)
    answer = razorpay.pay(payment.checkout_reference)
    assert payments.accept_answer(payment, answer).status == Status.PAID
    assert available(asha) == 100 + payment.credits
    invoice = Invoice.objects.get()
    assert invoice.cgst_minor + invoice.sgst_minor == payment.tax_minor


@pytest.mark.django_db
def test_an_answer_about_another_order_changes_nothing(razorpay, asha):
    mine, other = begin(asha, "mine"), begin(asha, "other")
    answer = razorpay.pay(other.checkout_reference)
    for forged in (answer, {**answer, "razorpay_order_id": mine.checkout_reference}, {}):
        with pytest.raises(Refusal, match="not about your payment"):
            payments.accept_answer(mine, forged)
    mine.refresh_from_db()
    assert (mine.status, available(asha)) == (Status.OPEN, 100)


@pytest.mark.django_db
def test_the_clock_finds_what_was_authorised_late(razorpay, asha):
    payment = begin(asha)
    razorpay.fail(payment.checkout_reference)
    assert payments.settle(payment.id).status == Status.OPEN
    razorpay.authorise(payment.checkout_reference)
    follow_up(payment)
    assert (payment.status, available(asha)) == (Status.PAID, 100 + payment.credits)


@pytest.mark.django_db
def test_every_event_in_any_order_credits_once_and_a_refund_takes_back(client, razorpay, asha):
    payment = begin(asha)
    razorpay.pay(payment.checkout_reference)
    for told in [*reversed(razorpay.events), *razorpay.events]:
        _tell(client, told)
    assert available(asha) == 100 + payment.credits
    payment.refresh_from_db()
    refund = razorpay.refund(payment.gateway_reference)
    _tell(client, razorpay.events[-1])
    assert available(asha) == 100
    razorpay.fail_refund(refund)
    _tell(client, razorpay.events[-1])
    assert available(asha) == 100 + payment.credits
    assert not GatewayEvent.objects.filter(processed_at=None).exists()


def _tell(client, told) -> None:
    answer = client.post("/gateway-events/razorpay", told.body, content_type="application/json", headers=told.headers)
    assert answer.status_code == 200, json.loads(told.body)
    for stored in GatewayEvent.objects.filter(next_attempt_at__isnull=False):
        process_event(stored.id)


@pytest.mark.django_db
def test_auto_reload_by_mandate_says_when_the_credits_are_expected(client, razorpay, asha):
    payment = begin(asha, "first", keep_method=True)
    payments.accept_answer(payment, razorpay.pay(payment.checkout_reference))
    method = PaymentMethod.objects.get()
    assert (method.status, method.is_default) == ("active", True)

    pack = auto_reload.packs_for(asha)[0]
    assert all(catalogue.quote(pack).amount_minor <= 15_000_00 for pack in auto_reload.packs_for(asha))
    auto_reload.switch_on(asha, pack=pack, threshold=100_000, monthly_cap_minor=10**9, actor="user:1")
    reloads.run(asha.id)
    charge = Payment.objects.get(purpose="auto_reload")
    assert charge.status == Status.OPEN
    assert timedelta(days=1) < charge.expected_at - timezone.now() <= timedelta(days=2)
    assert list(asha.mails.order_by("pk").values_list("kind", flat=True)) == ["receipt", "auto_reload_made"]

    before = available(asha)
    razorpay.settle_recurring(charge.gateway_reference)
    _tell(client, razorpay.events[-1])
    charge.refresh_from_db()
    assert (charge.status, available(asha)) == (Status.PAID, before + charge.credits)
    assert list(asha.mails.order_by("pk").values_list("kind", flat=True))[2:] == ["receipt"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("lost", "on", "status"),
    [
        ("after", "create/recurring", Status.OPEN),
        ("reset", "create/recurring", Status.FAILED),
        ("reset", "/v1/orders", Status.FAILED),
    ],
    ids=["debit begun", "order made", "nothing made"],
)
def test_once_nobody_wants_it_a_mandates_charge_is_what_was_begun_and_else_ends(razorpay, asha, lost, on, status):
    """A debit takes a day or two: until then the books, the cap and a deletion have to know of it."""
    payment = begin(asha, "first", keep_method=True)
    payments.accept_answer(payment, razorpay.pay(payment.checkout_reference))
    pack = auto_reload.packs_for(asha)[0]
    auto_reload.switch_on(asha, pack=pack, threshold=100_000, monthly_cap_minor=10**9, actor="user:1")
    razorpay.break_next(1, lost, on=on)
    reloads.run(asha.id)
    charge = Payment.objects.get(purpose="auto_reload")
    assert charge.status == Status.CREATED

    auto_reload.switch_off(asha, actor="user:1")
    follow_up(charge)
    assert charge.status == status


@pytest.mark.django_db
def test_when_the_answer_to_a_mandates_charge_is_lost_it_is_not_charged_twice(razorpay, asha):
    payment = begin(asha, "first", keep_method=True)
    payments.accept_answer(payment, razorpay.pay(payment.checkout_reference))
    pack = auto_reload.packs_for(asha)[0]
    auto_reload.switch_on(asha, pack=pack, threshold=100_000, monthly_cap_minor=10**9, actor="user:1")
    razorpay.break_next(1, "after", on="create/recurring")
    reloads.run(asha.id)
    charge = Payment.objects.get(purpose="auto_reload")
    follow_up(charge)
    recurring = [request for request in razorpay.requests if "create/recurring" in str(request)]
    assert len(recurring) == 1
    charge.refresh_from_db()
    assert charge.status == Status.OPEN
