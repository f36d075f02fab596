import time
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from billing import gateway_events, ledger, payments, sweeping
from billing.models import GatewayEvent, Payment, PaymentMethod
from billing.tests.test_payments import begin
from zupertry.testing.money import post_event
from zupertry.testing.threads import at_once


def paid(stripe, alice, **options) -> Payment:
    payment = begin(alice, **options)
    stripe.pay(payment.checkout_reference)
    return payment


@pytest.mark.django_db
def test_a_bad_signature_is_400_and_nothing_is_stored(stripe, alice):
    paid(stripe, alice)
    assert post_event(stripe, stripe.events[-1], secret="whsec_of_somebody_else") == 400
    assert not GatewayEvent.objects.exists()
    assert ledger.balance(alice.id).available == 100


@pytest.mark.django_db
@pytest.mark.parametrize("headers", [{}, {"Stripe-Signature": "t=1,v1=00"}, {"Stripe-Signature": "\x7f"}])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"id": 1}'])
def test_a_body_that_is_no_event_is_400(client, stripe, db, headers, body):
    answer = client.post("/gateway-events/stripe", body, content_type="application/json", headers=headers)
    assert (answer.status_code, GatewayEvent.objects.count()) == (400, 0)


@pytest.mark.django_db
def test_a_stale_event_is_400(client, stripe, alice):
    body, headers = stripe.signed_event("customer.updated", {}, stripe.sender.secret, int(time.time()) - 301)
    answer = client.post("/gateway-events/stripe", body, content_type="application/json", headers=headers)
    assert (answer.status_code, GatewayEvent.objects.count()) == (400, 0)


@pytest.mark.django_db
def test_only_configured_gateways_are_listened_to_and_only_by_post(client, stripe, settings):
    assert client.post("/gateway-events/razorpay", b"{}", content_type="application/json").status_code == 404
    assert client.post("/gateway-events/paypal", b"{}", content_type="application/json").status_code == 404
    assert client.get("/gateway-events/stripe").status_code == 405


@pytest.mark.django_db
def test_an_event_is_stored_whole_and_answered_before_anything_is_asked(client, stripe, alice):
    paid(stripe, alice)
    event = next(event for event in stripe.events if event["type"] == "checkout.session.completed")
    asked = len(stripe.requests)
    body, headers = stripe.signed_event(event["type"], event["data"]["object"], stripe.sender.secret)
    answer = client.post("/gateway-events/stripe", body, content_type="application/json", headers=headers)
    stored = GatewayEvent.objects.get()
    assert (answer.status_code, len(stripe.requests)) == (200, asked)
    assert stored.payload["data"]["object"] == event["data"]["object"]
    assert stored.processed_at is None


@pytest.mark.django_db
def test_an_unknown_type_is_stored_and_answered_200(stripe, alice):
    body = {**_any_event(stripe, alice), "id": "evt_new", "type": "climate.order.created", "data": {"object": {}}}
    assert post_event(stripe, body) == 200
    stored = GatewayEvent.objects.get(reference="evt_new")
    assert (stored.type, stored.error) == ("climate.order.created", "")
    assert stored.processed_at


def _any_event(stripe, alice):
    paid(stripe, alice)
    return stripe.events[-1]


@pytest.mark.django_db(transaction=True)
def test_the_same_event_fifty_times_at_once_is_one_row_and_one_purchase(stripe, alice):
    payment = paid(stripe, alice)
    event = next(event for event in stripe.events if event["type"] == "checkout.session.completed")
    statuses = at_once([partial(post_event, stripe, event)] * 20)
    assert set(statuses) == {200}
    assert GatewayEvent.objects.count() == 1
    assert ledger.balance(alice.id).available == 100 + payment.credits


@pytest.mark.django_db
def test_while_the_gateway_is_away_an_event_is_tried_again_later_and_then_credits(stripe, alice):
    payment = paid(stripe, alice)
    event = next(event for event in stripe.events if event["type"] == "payment_intent.succeeded")
    stripe.break_next(10, "500")
    assert post_event(stripe, event) == 200
    stored = GatewayEvent.objects.get()
    assert (stored.attempts, stored.processed_at) == (1, None)
    assert "GatewayError" in stored.error
    assert stored.next_attempt_at
    assert timedelta(seconds=50) < stored.next_attempt_at - timezone.now() <= timedelta(minutes=1)
    stripe.mend()
    gateway_events.process(stored.id)
    assert ledger.balance(alice.id).available == 100  # not due yet
    GatewayEvent.objects.update(next_attempt_at=timezone.now())
    assert sweeping.wake_events() == 1
    gateway_events.process(stored.id)
    stored.refresh_from_db()
    assert stored.error == ""
    assert stored.processed_at
    assert ledger.balance(alice.id).available == 100 + payment.credits


@pytest.mark.django_db
def test_an_event_that_never_succeeds_ends_as_an_error_and_may_be_replayed(stripe, alice):
    payment = paid(stripe, alice)
    event = next(event for event in stripe.events if event["type"] == "payment_intent.succeeded")
    stripe.break_next(100, "500")
    post_event(stripe, event)
    stored = GatewayEvent.objects.get()
    for _ in gateway_events.RETRY_SCHEDULE:
        GatewayEvent.objects.update(next_attempt_at=timezone.now())
        gateway_events.process(stored.id)
    stored.refresh_from_db()
    assert (stored.next_attempt_at, stored.processed_at) == (None, None)
    stripe.mend()
    gateway_events.replay(stored, actor="staff:usr_1", reason="Stripe was away")
    gateway_events.process(stored.id)
    assert payments.settle(payment.id).status == Payment.Status.PAID


@pytest.mark.django_db
def test_what_an_event_says_is_not_believed(stripe, alice):
    """Only the look counts: a session that an event calls paid is asked about."""
    payment = begin(alice)
    stripe.expire(payment.checkout_reference)
    event = stripe.events[-1]
    event["type"] = "checkout.session.completed"
    event["data"]["object"]["payment_status"] = "paid"
    assert post_event(stripe, event) == 200
    payment.refresh_from_db()
    assert (payment.status, ledger.balance(alice.id).available) == (Payment.Status.EXPIRED, 100)


@pytest.mark.django_db
def test_an_event_about_somebody_elses_payment_changes_nothing(stripe, alice):
    payment = paid(stripe, alice)
    payments.settle(payment.id)
    stripe.refund(payment.gateway_reference or Payment.objects.get().gateway_reference)
    Payment.objects.update(gateway_reference="pi_other", checkout_reference="cs_other", idempotency_key="other")
    event = stripe.events[-1]
    Payment.objects.filter(pk=payment.id).update(gateway="razorpay")
    assert post_event(stripe, event) == 200
    assert ledger.balance(alice.id).available == 100 + payment.credits


@pytest.mark.django_db
def test_a_card_that_is_detached_at_stripe_is_gone_here(stripe, alice):
    payment = paid(stripe, alice, keep_method=True)
    payments.settle(payment.id)
    method = PaymentMethod.objects.get()
    assert (method.status, method.is_default, method.last_four) == ("active", True, "4242")
    stripe.detach(method.reference)
    assert post_event(stripe, stripe.events[-1]) == 200
    method.refresh_from_db()
    assert (method.status, method.is_default) == ("removed", False)


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["a\0b", "\ud800", "é 😀"], ids=["nul", "half a character", "whole ones"])
def test_whatever_a_buyer_typed_the_event_is_stored(client, stripe, alice, typed):
    """PostgreSQL's JSON takes neither NULs nor halves of characters, and an event refused is an event lost."""
    body, headers = stripe.signed_event("customer.updated", {"name": typed, typed: [typed]}, stripe.sender.secret)
    answer = client.post("/gateway-events/stripe", body, content_type="application/json", headers=headers)
    assert (answer.status_code, GatewayEvent.objects.count()) == (200, 1)


def test_a_body_that_nests_too_deep_is_400(client, stripe, db):
    answer = client.post("/gateway-events/stripe", b"[" * 200_000, content_type="application/json")
    assert (answer.status_code, GatewayEvent.objects.count()) == (400, 0)
