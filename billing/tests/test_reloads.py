"""Auto-reload, charging a Stripe on loopback."""

import threading
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts import organisations
from accounts.models import AuditEntry, Mail, Organisation
from billing import auto_reload, catalogue, ledger, methods, payments, reloads
from billing.gateways.registry import gateways
from billing.models import AutoReload, Payment, PaymentMethod
from billing.tests.conftest import follow_up
from billing.tests.test_payments import begin
from zupertry.core.errors import Refusal
from zupertry.testing.money import post_event
from zupertry.testing.stripe import StripeServer
from zupertry.testing.threads import at_once

CAP = 1_000_000


def kept(alice: Organisation) -> PaymentMethod:
    method = auto_reload.usable_method(alice.id)
    assert method
    return method


def switch_on(alice: Organisation, threshold: int = 500, cap: int = CAP) -> AutoReload:
    pack = catalogue.offer(alice)[0]
    return auto_reload.switch_on(alice, pack=pack, threshold=threshold, monthly_cap_minor=cap, actor="user:1")


def let_an_hour_pass() -> None:
    AutoReload.objects.update(claimed_at=timezone.now() - timedelta(hours=1, seconds=1))


def charges(stripe: StripeServer) -> list:
    return [request for request in stripe.requests if (request.method, request.path) == ("POST", "/v1/payment_intents")]


def mails() -> list[str]:
    return list(Mail.objects.order_by("pk").values_list("kind", flat=True))


@pytest.mark.django_db
def test_it_is_off_until_somebody_switches_it_on_and_needs_a_method(stripe, alice):
    assert auto_reload.of(alice) is None
    with pytest.raises(Refusal) as refusal:
        switch_on(alice)
    assert (refusal.value.code, refusal.value.status) == ("no_payment_method", 422)
    assert reloads.wake_due() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "field"), [({"threshold": 0}, "threshold"), ({"cap": 1}, "monthly_cap")], ids=["threshold", "cap"]
)
def test_switching_on_says_what_is_wrong_beside_the_field(card, alice, wrong, field):
    with pytest.raises(Refusal) as refusal:
        switch_on(alice, **wrong)
    assert list(refusal.value.fields or {}) == [field]


@pytest.mark.django_db
def test_below_the_threshold_it_buys_once_and_says_so(stripe, card, alice):
    switch_on(alice)
    before = ledger.balance(alice.id).available
    assert reloads.wake_due() == 1
    for _ in range(3):
        reloads.run(alice.id)
    payment = Payment.objects.get(purpose="auto_reload")
    assert (payment.status, payment.method and payment.method.reference) == ("paid", card)
    assert payment.idempotency_key == f"reload:{alice.id}:1"
    assert ledger.balance(alice.id).available == before + payment.credits
    assert len(charges(stripe)) == 1
    assert charges(stripe)[0].headers["idempotency-key"] == payment.idempotency_key
    assert mails() == ["auto_reload_made"]


@pytest.mark.django_db
def test_above_the_threshold_it_buys_nothing(stripe, card, alice):
    switch_on(alice, threshold=50)
    assert reloads.wake_due() == 0
    reloads.run(alice.id)
    assert charges(stripe) == []
    assert AutoReload.objects.get().claimed_at is None


@pytest.mark.django_db(transaction=True)
def test_any_number_of_workers_at_once_make_one_charge(stripe, card, alice):
    switch_on(alice, threshold=100_000)
    assert set(at_once([partial(reloads.run, alice.id)] * 40)) == {None}
    assert len(charges(stripe)) == 1
    assert Payment.objects.filter(purpose="auto_reload").count() == 1


@pytest.mark.django_db
def test_at_most_one_attempt_an_hour_whatever_became_of_it(stripe, card, alice):
    switch_on(alice, threshold=100_000)
    reloads.run(alice.id)
    AutoReload.objects.update(claimed_at=timezone.now() - timedelta(minutes=59))
    reloads.run(alice.id)
    assert len(charges(stripe)) == 1
    let_an_hour_pass()
    reloads.run(alice.id)
    assert [request.headers["idempotency-key"] for request in charges(stripe)] == [
        f"reload:{alice.id}:1",
        f"reload:{alice.id}:2",
    ]


@pytest.mark.django_db
def test_three_failures_in_a_row_switch_it_off_and_each_is_one_mail(stripe, card, alice):
    stripe.become(card, "declined_later")
    switch_on(alice)
    for _ in range(5):
        reloads.run(alice.id)
        reloads.run(alice.id)
        let_an_hour_pass()
    reload = AutoReload.objects.get()
    assert (reload.enabled, reload.failures_in_a_row) == (False, 3)
    assert "3 charges in a row failed" in reload.switched_off_because
    assert len(charges(stripe)) == 3
    assert mails() == ["auto_reload_failed", "auto_reload_failed", "auto_reload_off"]
    assert AuditEntry.objects.filter(action="auto_reload.switched_off").count() == 1


@pytest.mark.django_db
def test_a_success_in_between_starts_the_count_anew(stripe, card, alice):
    switch_on(alice, threshold=100_000)
    for outcome in ("declined_later", "declined_later", "succeeds", "declined_later", "declined_later"):
        stripe.become(card, outcome)
        reloads.run(alice.id)
        let_an_hour_pass()
    reload = AutoReload.objects.get()
    assert (reload.enabled, reload.failures_in_a_row) == (True, 2)


@pytest.mark.django_db
def test_what_the_bank_wants_confirmed_is_one_mail_and_the_link_finishes_that_very_charge(stripe, card, alice):
    stripe.become(card, "needs_authentication_later")
    switch_on(alice)
    before = ledger.balance(alice.id).available
    reloads.run(alice.id)
    payment = Payment.objects.get(purpose="auto_reload")
    assert (payment.status, payment.needs_authentication) == ("open", True)
    payments.settle(payment.id)
    assert mails() == ["auto_reload_authentication"]

    let_an_hour_pass()
    assert reloads.wake_due() == 0  # one charge is open
    reloads.run(alice.id)
    assert len(charges(stripe)) == 1

    challenge = payments.authenticate(payment, f"https://app.example.com/{payment.id}")
    assert challenge.startswith(stripe.url)
    assert stripe.challenge(payment.gateway_reference).startswith(f"https://app.example.com/{payment.id}")
    payment = payments.settle(payment.id)
    assert (payment.status, ledger.balance(alice.id).available) == ("paid", before + payment.credits)
    with pytest.raises(Refusal, match="any more"):
        payments.authenticate(payment, "https://app.example.com/")


@pytest.mark.django_db
def test_a_confirmation_that_nobody_gives_fails_in_the_end(stripe, card, alice):
    stripe.become(card, "needs_authentication_later")
    switch_on(alice)
    reloads.run(alice.id)
    payment = Payment.objects.get(purpose="auto_reload")
    long_ago = timezone.now() - timedelta(days=4)
    Payment.objects.filter(pk=payment.pk).update(created_at=long_ago, next_check_at=long_ago)
    payments.follow_up(payment.id)
    payment.refresh_from_db()
    assert (payment.status, AutoReload.objects.get().failures_in_a_row) == ("failed", 1)


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["500", "reset", "after", "garbage"])
def test_when_the_answer_is_lost_the_same_key_is_sent_again_and_charges_once(stripe, card, alice, how):
    switch_on(alice)
    stripe.break_next(4, how)
    reloads.run(alice.id)
    stripe.mend()
    payment = Payment.objects.get(purpose="auto_reload")
    assert payment.status == "created"
    follow_up(payment)
    assert payment.status == "paid"
    assert {request.headers["idempotency-key"] for request in charges(stripe)} == {payment.idempotency_key}
    assert (
        len([value for value in stripe.objects.values() if value["object"] == "payment_intent"]) == 2
    )  # the first top-up's


@pytest.mark.django_db
def test_the_monthly_cap_stops_it_and_is_told_once_a_month(stripe, card, alice):
    price = catalogue.quote(catalogue.offer(alice)[0]).amount_minor
    switch_on(alice, threshold=100_000, cap=2 * price)
    for _ in range(5):
        reloads.run(alice.id)
        let_an_hour_pass()
    assert len(charges(stripe)) == 2
    assert mails().count("auto_reload_capped") == 1
    assert AutoReload.objects.get().enabled


@pytest.mark.django_db
def test_removing_the_last_method_switches_it_off_and_says_so(stripe, card, alice):
    switch_on(alice)
    assert methods.remove(alice, kept(alice).id, actor="user:1")
    reload = AutoReload.objects.get()
    assert (reload.enabled, reload.switched_off_because) == (False, "No payment method is saved any more.")
    assert mails() == ["auto_reload_off"]
    assert methods.active(alice) == []


@pytest.mark.django_db
def test_a_pack_that_is_sold_no_more_switches_it_off(stripe, card, alice):
    reload = switch_on(alice)
    type(reload.pack).objects.filter(pk=reload.pack_id).update(active_until=timezone.now())
    reloads.run(alice.id)
    assert not AutoReload.objects.get().enabled
    assert charges(stripe) == []


@pytest.mark.django_db
def test_the_suggested_threshold_is_three_days_use(alice):
    assert auto_reload.suggested_threshold(alice) == 10
    for number in range(35):
        ledger.hold(alice.id, f"job_{number}", actor="key:1")
        ledger.capture(alice.id, f"job_{number}")
    assert auto_reload.suggested_threshold(alice) == 15


@pytest.mark.django_db
def test_a_charge_whose_answer_was_lost_is_not_failed_because_we_ask_in_other_words_now(stripe, card, alice, settings):
    """A deployment between the two tries changed an address, so that Stripe refuses the key."""
    switch_on(alice)
    stripe.break_next(2, "after")
    reloads.run(alice.id)
    stripe.mend()
    settings.PUBLIC_URL = "https://moved.example.com"
    payment = Payment.objects.get(purpose="auto_reload")
    follow_up(payment)
    assert (payment.status, AutoReload.objects.get().failures_in_a_row) == ("created", 0)
    let_an_hour_pass()
    reloads.run(alice.id)
    assert Payment.objects.filter(purpose="auto_reload").count() == 1
    post_event(stripe, next(event for event in stripe.events[::-1] if event["type"] == "payment_intent.succeeded"))
    payment.refresh_from_db()
    assert payment.status == "paid"


@pytest.mark.django_db
def test_a_key_of_ours_that_stripe_refuses_is_no_failure_of_the_customers(stripe, card, alice):
    switch_on(alice)
    stripe.break_next(1, "403")
    reloads.run(alice.id)
    payment = Payment.objects.get(purpose="auto_reload")
    assert (payment.status, AutoReload.objects.get().failures_in_a_row, mails()) == ("created", 0, [])
    stripe.mend()
    follow_up(payment)
    assert payment.status == "paid"


@pytest.mark.django_db
def test_a_refused_charge_tells_its_owner_nothing_of_our_insides(stripe, card, alice):
    switch_on(alice)
    stripe.detach(card)
    reloads.run(alice.id)
    payment = Payment.objects.get(purpose="auto_reload")
    assert (payment.status, payment.failure) == ("failed", "Stripe refused the charge.")


@pytest.mark.django_db
def test_a_suspended_organisation_and_one_whose_gateway_is_gone_buy_nothing(stripe, card, alice, settings):
    switch_on(alice)
    Organisation.objects.update(suspended_at=timezone.now())
    assert reloads.wake_due() == 0
    reloads.run(alice.id)
    Organisation.objects.update(suspended_at=None)
    settings.PAYMENT_GATEWAYS = {}
    reloads.run(alice.id)
    assert not Payment.objects.filter(purpose="auto_reload").exists()
    assert mails() == []


@pytest.mark.django_db
def test_a_card_that_is_removed_while_it_is_looked_at_stays_removed(stripe, card, alice, monkeypatch):
    look = gateways["stripe"].look_at_method

    def look_while_it_is_removed(customer, reference):
        seen = look(customer, reference)
        methods.remove(alice, kept(alice).id, actor="user:1")
        return seen

    monkeypatch.setattr(gateways["stripe"], "look_at_method", look_while_it_is_removed)
    methods.refresh("stripe", card)
    assert methods.active(alice) == []


@pytest.mark.django_db
def test_a_card_that_was_renewed_is_told_of_again_when_it_ends(stripe, card, alice):
    PaymentMethod.objects.update(expires_on=timezone.now().date(), expiry_told_at=timezone.now())
    methods.refresh("stripe", card)
    assert PaymentMethod.objects.get().expiry_told_at is None


@pytest.mark.django_db(transaction=True)
def test_whoever_sets_auto_reload_is_in_no_deadlock_with_a_reload(stripe, card, alice):
    """The one locks the organisation first, the other its auto-reload, then writes rows that refer to the former."""
    switch_on(alice)
    locked, written = threading.Event(), threading.Event()

    def set_it():
        with transaction.atomic():
            organisations.lock(alice)
            locked.set()
            return connection.vendor == "sqlite" or written.wait(10)

    def reload():
        locked.wait(10)
        reloads.run(alice.id)
        written.set()

    assert at_once([set_it, reload]) == [True, None]


@pytest.mark.django_db
def test_what_a_charge_may_cost_is_what_the_month_has_left(stripe, card, alice):
    price = catalogue.quote(catalogue.offer(alice)[0]).amount_minor
    switch_on(alice, threshold=100_000, cap=3 * price)
    reloads.run(alice.id)
    assert auto_reload.may_take(Payment.objects.get(purpose="auto_reload")) == 3 * price
    let_an_hour_pass()
    reloads.run(alice.id)
    latest = Payment.objects.filter(purpose="auto_reload").latest("pk")
    assert auto_reload.may_take(latest) == 2 * price


@pytest.mark.django_db
def test_a_method_that_waits_is_looked_at_again(stripe, card, alice):
    PaymentMethod.objects.update(status="paused")
    methods.refresh_waiting()
    assert kept(alice).status == "active"


@pytest.mark.django_db
def test_charges_that_are_cancelled_at_stripe_are_failures_and_switch_it_off(stripe, alice):
    """Only the buyer's own cancelling is none."""
    payment = begin(alice, "first", keep_method=True)
    stripe.pay(payment.checkout_reference, "needs_authentication_later")
    payments.settle(payment.id)
    switch_on(alice, threshold=100_000)
    for _ in range(auto_reload.FAILURES_ALLOWED):
        reloads.run(alice.id)
        waiting = Payment.objects.filter(purpose="auto_reload").latest("pk")
        stripe.cancel(stripe.get("payment_intent", waiting.gateway_reference), "abandoned")
        payments.settle(waiting.pk)
        let_an_hour_pass()
    assert not AutoReload.objects.get(pk=alice.pk).enabled
