"""Purchases by way of a real HTTP peer that speaks Stripe's wire format."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import override_settings

from accounts.models import Organisation
from billing import catalogue, details, ledger, payments, replay
from billing.gateways.base import GatewayError
from billing.models import GatewayCustomer, GatewayEvent, LedgerEntry, Payment
from billing.tasks import check_payment
from zupertry.core.errors import Refusal
from zupertry.testing.money import DETAILS, post_event
from zupertry.testing.stripe import StripeServer
from zupertry.testing.threads import at_once

LINKS = payments.Links("https://app.example.com/payments/{payment}/return", "https://app.example.com/billing")
Status = Payment.Status


def begin(organisation: Organisation, token: str = "form-1", **options) -> Payment:
    pack = catalogue.offer(organisation)[0]
    options = {"keep_method": False, **options}
    return payments.begin(organisation, pack, token=token, actor="user:1", links=LINKS, **options)


def available(organisation: Organisation) -> int:
    return ledger.balance(organisation.id).available


def calls(stripe: StripeServer, path: str) -> list[str]:
    """The idempotency keys of the POSTs to a path."""
    posts = [request for request in stripe.requests if (request.method, request.path) == ("POST", path)]
    return [request.headers["idempotency-key"] for request in posts]


@pytest.mark.django_db
def test_a_purchase_waits_at_stripes_page_and_the_return_credits_it(stripe, alice):
    payment = begin(alice)
    assert payment.status == Status.OPEN
    assert payment.checkout_url.startswith(stripe.url)
    landed = stripe.pay(payment.checkout_reference)
    assert landed.startswith(f"https://app.example.com/payments/{payment.id}/return")
    assert payments.settle_now(payment.id).status == Status.PAID
    assert available(alice) == 100 + payment.credits


@pytest.mark.django_db
def test_the_same_form_again_is_the_same_purchase(stripe, alice):
    first, second = begin(alice), begin(alice)
    assert (first.id, first.checkout_url) == (second.id, second.checkout_url)
    assert len(calls(stripe, "/v1/checkout/sessions")) == 1
    assert begin(alice, "form-2").id != first.id
    stripe.pay(first.checkout_reference)
    payments.settle(first.id)
    with pytest.raises(Refusal, match="used already"):
        begin(alice)


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_ten_times_at_once_is_one_purchase(stripe, alice):
    begin(alice, "an-earlier-form")
    results = at_once([partial(begin, alice)] * 10)
    assert len({payment.id for payment in results if isinstance(payment, Payment)}) == 1
    assert len({payment.checkout_reference for payment in results if isinstance(payment, Payment)}) == 1
    assert len(set(calls(stripe, "/v1/checkout/sessions"))) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["500", "garbage", "truncated", "reset", "after", "429"])
def test_when_stripe_fails_nothing_is_half_done_and_the_same_key_is_sent_again(stripe, alice, how):
    stripe.break_next(6, how)
    with pytest.raises(Refusal) as refusal:
        begin(alice)
    assert (refusal.value.code, refusal.value.status) == ("payment_provider_error", 502)
    assert Payment.objects.get().status == Status.CREATED
    stripe.mend()
    payment = begin(alice)
    assert payment.status == Status.OPEN
    assert len(set(calls(stripe, "/v1/checkout/sessions"))) == 1
    assert len([value for value in stripe.objects.values() if value["object"] == "checkout.session"]) == 1
    assert available(alice) == 100


@pytest.mark.django_db
def test_when_stripe_is_away_the_returning_buyer_is_told_and_the_clock_credits(stripe, alice):
    payment = begin(alice)
    stripe.pay(payment.checkout_reference)
    stripe.break_next(4, "500")
    with pytest.raises(Refusal, match="Try again") as refusal:
        payments.settle_now(payment.id)
    assert refusal.value.code == "payment_provider_error"
    stripe.mend()
    Payment.objects.filter(pk=payment.id).update(next_check_at=payment.created_at)
    payments.follow_up(payment.id)
    assert available(alice) == 100 + payment.credits


@pytest.mark.django_db
def test_every_order_of_return_page_and_events_credits_once(stripe, alice):
    for number, order in enumerate(itertools.permutations(["return", "session", "intent"])):
        before = available(alice)
        payment = begin(alice, f"form-{number}")
        known = len(stripe.events)
        stripe.pay(payment.checkout_reference)
        by_type = {event["type"]: event for event in stripe.events[known:]}
        steps: dict[str, Callable[[], object]] = {
            "return": partial(payments.settle, payment.id),
            "session": partial(post_event, stripe, by_type["checkout.session.completed"]),
            "intent": partial(post_event, stripe, by_type["payment_intent.succeeded"]),
        }
        for step in (*order, *order):
            steps[step]()
        assert available(alice) == before + payment.credits, order
    assert replay.differences() == []
    assert GatewayEvent.objects.filter(processed_at=None).count() == 0


@pytest.mark.django_db(transaction=True)
def test_fifty_looks_at_once_credit_once(stripe, alice):
    payment = begin(alice)
    stripe.pay(payment.checkout_reference)
    results = at_once([partial(payments.settle, payment.id)] * 50)
    assert {result.status for result in results} == {Status.PAID}
    assert available(alice) == 100 + payment.credits
    assert LedgerEntry.objects.filter(kind="purchase").count() == 1


@pytest.mark.django_db
def test_a_bank_debit_is_credited_when_it_settles(stripe, alice):
    payment = begin(alice)
    stripe.pay(payment.checkout_reference, "bank_debit")
    assert payments.settle(payment.id).status == Status.OPEN
    stripe.settle_bank_debit(payment.checkout_reference)
    assert post_event(stripe, stripe.events[-1]) == 200
    payment.refresh_from_db()
    assert (payment.status, available(alice)) == (Status.PAID, 100 + payment.credits)


@pytest.mark.django_db
def test_refund_and_dispute_events_take_and_give(stripe, alice):
    payment = begin(alice)
    stripe.pay(payment.checkout_reference)
    payment = payments.settle(payment.id)
    refund = stripe.refund(payment.gateway_reference)
    _process_all(stripe)
    assert available(alice) == 100
    stripe.fail_refund(refund["id"])
    _process_all(stripe)
    assert available(alice) == 100 + payment.credits
    dispute = stripe.dispute(payment.gateway_reference)
    _process_all(stripe)
    assert available(alice) == 100
    stripe.close_dispute(dispute["id"], "won")
    _process_all(stripe)
    assert available(alice) == 100 + payment.credits
    kinds = LedgerEntry.objects.order_by("pk").exclude(kind="grant").values_list("kind", flat=True)
    assert list(kinds) == ["purchase", "clawback", "reinstate", "clawback", "reinstate"]


def _process_all(stripe: StripeServer) -> None:
    """Deliver every event so far again, the newest first."""
    for event in reversed(stripe.events):
        assert post_event(stripe, event) == 200


@pytest.mark.django_db
def test_a_session_that_nobody_paid_expires(stripe, alice):
    payment = begin(alice)
    stripe.expire(payment.checkout_reference)
    _process_all(stripe)
    payment.refresh_from_db()
    assert (payment.status, payment.next_check_at) == (Status.EXPIRED, None)


@pytest.mark.django_db
def test_buying_needs_billing_details_and_a_gateway(world, settings):
    with pytest.raises(Refusal, match="not set up here") as refusal:
        begin(world.organisation)
    assert refusal.value.code == "payment_provider_error"
    settings.PAYMENT_GATEWAYS = {"stripe": {}}
    with pytest.raises(Refusal, match="billing details first"):
        begin(world.organisation)
    assert not Payment.objects.exists()


@pytest.mark.django_db
def test_stripe_gets_what_it_needs_and_nothing_of_ours_is_in_the_address(stripe, alice):
    payment = begin(alice, keep_method=True)
    session = stripe.objects[payment.checkout_reference]
    assert session["amount_total"] == payment.net_minor
    assert session["metadata"]["payment_id"] == payment.id
    assert session["customer"] == GatewayCustomer.objects.get().reference
    assert parse_qs(urlsplit(payment.checkout_url).query) == {}


@pytest.mark.django_db
def test_settling_a_payment_that_is_gone_at_the_gateway_raises_and_changes_nothing(stripe, alice):
    payment = begin(alice)
    Payment.objects.filter(pk=payment.pk).update(checkout_reference="cs_of_another_account")
    with pytest.raises(GatewayError):
        payments.settle(payment.id)
    payment.refresh_from_db()
    assert payment.status == Status.OPEN


@pytest.mark.django_db
def test_a_form_whose_keep_box_was_changed_is_not_the_same_purchase(stripe, alice):
    """A card is never kept because an earlier try of the form had the box ticked."""
    begin(alice, keep_method=True)
    with pytest.raises(Refusal, match="used already"):
        begin(alice, keep_method=False)


@pytest.mark.django_db
def test_details_corrected_between_two_tries_are_those_that_stripe_gets(stripe, alice):
    stripe.break_next(2, "500")
    with pytest.raises(Refusal):
        begin(alice)
    stripe.mend()
    details.save(alice, {**DETAILS["EU"], "legal_name": "Alice & Töchter GmbH"}, actor="user:1")
    payment = begin(alice)
    assert payment.buyer["name"] == "Alice & Töchter GmbH"
    assert stripe.objects[GatewayCustomer.objects.get().reference]["name"] == "Alice & Töchter GmbH"


@pytest.mark.django_db
def test_a_payment_whose_gateway_is_not_set_up_any_more_is_left_for_later(stripe, alice, settings):
    payment = begin(alice)
    stripe.pay(payment.checkout_reference)
    Payment.objects.filter(pk=payment.pk).update(next_check_at=payment.created_at)
    with override_settings(PAYMENT_GATEWAYS={}):
        check_payment(payment.id)
    payment.refresh_from_db()
    assert payment.status == Status.OPEN
    Payment.objects.filter(pk=payment.pk).update(next_check_at=payment.created_at)
    check_payment(payment.id)
    assert available(alice) == 100 + payment.credits


@pytest.mark.django_db
def test_a_payment_of_which_its_gateway_tells_nothing_is_not_asked_about_for_ever(stripe, alice):
    payment = begin(alice)
    long_ago = payment.created_at - timedelta(days=16)
    Payment.objects.filter(pk=payment.pk).update(
        checkout_reference="cs_of_another_account", created_at=long_ago, next_check_at=long_ago
    )
    check_payment(payment.id)
    payment.refresh_from_db()
    assert (payment.status, payment.next_check_at) == (Status.EXPIRED, None)


@pytest.mark.django_db
def test_who_got_no_answer_may_tick_keep_and_go_on(stripe, alice):
    """Stripe refuses a key that it has seen with another request."""
    stripe.break_next(3, "")  # the customer, with what they are called and their tax ids
    stripe.break_next(2, "after")
    with pytest.raises(Refusal, match="can't happen twice"):
        begin(alice)
    assert calls(stripe, "/v1/checkout/sessions")
    payment = begin(alice, keep_method=True)
    assert (payment.status, payment.keep_method, Payment.objects.count()) == ("open", True, 1)
