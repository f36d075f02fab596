"""What staff do to payments, gateway events and discrepancies."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Mail, Organisation
from billing import gateway_events, ledger, payments, reconciliation, replay, settlement
from billing.models import Discrepancy, GatewayEvent, Invoice, LedgerEntry, Payment, PaymentMethod
from billing.tests.staff.pages import a_payment, address, an_event, do, links, said, seen
from billing.tests.test_payments import begin
from zupertry.core.errors import Refusal
from zupertry.testing.money import money_back, opened, post_event
from zupertry.testing.money import seen as snapshot_of
from zupertry.testing.razorpay import RazorpayServer
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.stripe import StripeServer
from zupertry.testing.threads import at_once

pytestmark = pytest.mark.django_db
Status = Payment.Status


@pytest.fixture
def staff() -> Client:
    return staff_client(make_staff("Billing"))


def available(organisation: Organisation) -> int:
    return ledger.balance(organisation.id).available


def audited(action: str) -> AuditEntry:
    entry = AuditEntry.objects.get(action=action)
    assert entry.actor.startswith("staff:usr_")
    assert entry.reason == "They asked"
    return entry


def quarantined(stripe: StripeServer, alice: Organisation, **wrong: Any) -> Payment:
    """Return a payment that was paid at Stripe for another sum than it is asked for here."""
    payment = begin(alice)
    Payment.objects.filter(pk=payment.pk).update(**(wrong or {"net_minor": payment.net_minor + 5}))
    stripe.pay(payment.checkout_reference)
    payment = payments.settle(payment.id)
    assert payment.status == Status.QUARANTINED
    return payment


# Looking again


def test_a_look_finds_what_nobody_told_us_of(stripe: StripeServer, alice: Organisation, staff: Client) -> None:
    payment = begin(alice)
    stripe.pay(payment.checkout_reference)
    assert "It was open, and is paid now" in said(do(staff, payment, "look"))
    assert available(alice) == 100 + payment.credits
    assert audited("payment.looked_at").organisation == alice
    assert "It was paid, and is paid now" in said(do(staff, payment, "look"))
    assert available(alice) == 100 + payment.credits


def test_a_look_at_a_payment_in_rupees_asks_razorpay(
    razorpay: RazorpayServer, asha: Organisation, staff: Client
) -> None:
    payment = begin(asha)
    razorpay.pay(payment.checkout_reference)
    assert "is paid now" in said(do(staff, payment, "look"))
    assert available(asha) == 100 + payment.credits


def test_a_gateway_that_is_away_is_told_in_its_own_words(
    stripe: StripeServer, alice: Organisation, staff: Client
) -> None:
    payment = begin(alice)
    stripe.break_next(10, "500")
    assert "Stripe could not be asked, so nothing was changed: Stripe answered 500" in said(do(staff, payment, "look"))
    payment.refresh_from_db()
    assert payment.status == Status.OPEN


# Deciding


def test_a_quarantined_payment_is_accepted_for_what_was_paid(
    stripe: StripeServer, alice: Organisation, staff: Client
) -> None:
    payment = quarantined(stripe, alice)
    paid_minor = payment.net_minor - 5
    assert "asked" in seen(staff, f"{address(Payment, 'do', 'decide')}?id={payment.id}").text
    assert "Accepted, " in said(do(staff, payment, "decide", decision="accept"))
    payment.refresh_from_db()
    assert (payment.status, payment.amount_minor, payment.failure) == (Status.PAID, paid_minor, "")
    assert payment.gateway_reference.startswith("pi_")
    assert available(alice) == 100 + payment.credits
    entry = audited("payment.accepted")
    assert (entry.organisation, entry.subject) == (alice, payment.id)
    sums = {"asked_minor": paid_minor + 5, "paid_minor": paid_minor, "currency": "EUR"}
    assert entry.details == {"credits": payment.credits, **sums}
    assert not Discrepancy.objects.filter(resolved_at=None).exists()
    assert Invoice.objects.get().payment == payment
    assert Mail.objects.filter(organisation=alice, kind="receipt").count() == 1
    assert replay.differences() == []


def test_what_was_accepted_agrees_with_the_gateway(
    stripe: StripeServer, alice: Organisation, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "GRACE", timedelta(seconds=-5))
    payment = quarantined(stripe, alice)
    do(staff, payment, "decide", decision="accept")
    assert reconciliation.reconcile(timezone.now() - timedelta(hours=1)) == []
    payment.refresh_from_db()
    stripe.refund(payment.gateway_reference)
    payments.settle(payment.id)
    assert available(alice) == 100


def test_deciding_twice_gives_credits_once(stripe: StripeServer, alice: Organisation, staff: Client) -> None:
    payment = quarantined(stripe, alice)
    do(staff, payment, "decide", decision="accept")
    for decision in ("accept", "refuse"):
        assert "It is paid, not quarantined" in said(do(staff, payment, "decide", decision=decision))
    assert LedgerEntry.objects.filter(kind="purchase").count() == 1
    assert not AuditEntry.objects.filter(action="payment.refused").exists()


def test_a_refused_payment_gives_nothing_whatever_is_told_of_it(
    stripe: StripeServer, alice: Organisation, staff: Client
) -> None:
    payment = quarantined(stripe, alice)
    assert "Refund it at Stripe now" in said(do(staff, payment, "decide", decision="refuse"))
    payment.refresh_from_db()
    assert payment.status == Status.REFUSED
    assert audited("payment.refused").organisation == alice
    assert "It is refused, not quarantined" in said(do(staff, payment, "decide", decision="accept"))
    stripe.refund(payment.gateway_reference)
    for event in stripe.events:
        post_event(stripe, event)
    assert payments.settle(payment.id).status == Status.REFUSED
    assert available(alice) == 100
    assert not Discrepancy.objects.filter(kind="quarantined", resolved_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_accepted_and_refused_at_once_is_one_of_them(alice: Organisation) -> None:
    payment = opened(alice, status=Status.QUARANTINED)
    told = snapshot_of(payment)
    accept = partial(settlement.accept, payment.id, told, livemode=False, actor="staff:1", reason="?")
    refuse = partial(settlement.refuse, payment.id, actor="staff:2", reason="?")
    results = at_once([accept, refuse] * 5)
    assert sum(isinstance(result, Refusal) for result in results) == 9
    payment.refresh_from_db()
    gained = payment.credits if payment.status == Status.PAID else 0
    assert available(alice) == 100 + gained
    assert AuditEntry.objects.filter(subject=payment.id).count() == 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"livemode": True}, "another mode"),
        ({"currency": "USD"}, "another currency"),
        ({"state": "open"}, "not paid at the gateway"),
        ({"gateway_reference": "pi_taken"}, "has paid for another payment"),
        ({"money_back": [money_back("re_1", 10_000_00)]}, "All of its money went back"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_can_buy_nothing_is_not_accepted(alice: Organisation, wrong: dict[str, Any], says: str) -> None:
    a_payment(alice.id, 9, gateway_reference="pi_taken")
    payment = opened(alice, status=Status.QUARANTINED)
    with pytest.raises(Refusal, match=says):
        settlement.accept(payment.id, snapshot_of(payment, **wrong), livemode=False, actor="staff:1", reason="?")
    payment.refresh_from_db()
    assert (payment.status, available(alice)) == (Status.QUARANTINED, 100)


def test_tax_of_ours_that_does_not_fit_what_was_paid_is_not_guessed(asha: Organisation) -> None:
    payment = opened(asha, status=Status.QUARANTINED, tax_minor=270_00)
    paid_less = snapshot_of(payment, amount_minor=payment.amount_minor - 1)
    with pytest.raises(Refusal, match="tax can't be told"):
        settlement.accept(payment.id, paid_less, livemode=False, actor="staff:1", reason="?")


def test_of_an_accepted_payment_no_card_is_kept(stripe: StripeServer, alice: Organisation, staff: Client) -> None:
    payment = begin(alice, keep_method=True)
    Payment.objects.filter(pk=payment.pk).update(net_minor=1)
    stripe.pay(payment.checkout_reference)
    payments.settle(payment.id)
    do(staff, payment, "decide", decision="accept")
    assert Payment.objects.get(pk=payment.pk).status == Status.PAID
    assert not PaymentMethod.objects.exists()


def test_a_charge_that_nothing_here_names_is_not_looked_for(alice: Organisation, staff: Client) -> None:
    payment = opened(alice, status=Status.QUARANTINED, checkout_reference="")
    assert "Nothing here says which charge it is" in said(do(staff, payment, "decide", decision="accept"))


def test_a_quarantined_payment_names_its_charge_unless_that_is_another_payments(alice: Organisation) -> None:
    own, other = opened(alice), opened(alice)
    settlement.apply(own.id, snapshot_of(own, amount_minor=1), livemode=False)
    settlement.apply(other.id, snapshot_of(other, payment_id=own.id), livemode=False)
    own.refresh_from_db()
    other.refresh_from_db()
    assert (own.gateway_reference, other.gateway_reference) == (f"pi_{own.id}", "")


def test_the_customer_sees_what_became_of_a_refused_payment(alice: Organisation) -> None:
    payment = opened(alice, status=Status.REFUSED)
    client = Client()
    client.force_login(alice.memberships.order_by("pk")[0].user)
    page = client.get(f"/dashboard/billing/payments/{payment.id}").content.decode()
    assert "We could not accept this payment" in page
    assert "Refused" in client.get("/dashboard/billing/payments").content.decode()


# Replaying


def test_an_event_is_replayed_and_nothing_is_credited_twice(
    stripe: StripeServer, alice: Organisation, staff: Client
) -> None:
    payment = begin(alice)
    stripe.pay(payment.checkout_reference)
    event = next(event for event in stripe.events if event["type"] == "payment_intent.succeeded")
    post_event(stripe, event)
    stored = GatewayEvent.objects.get()
    assert address(Payment, "change", payment.id) in links(seen(staff, address(GatewayEvent, "change", stored.id)))
    for token in ("a" * 32, "b" * 32):
        assert "is being processed again" in said(do(staff, stored, "replay", token))
        stored.refresh_from_db()
        assert (stored.processed_at, stored.attempts) == (None, 0)
        gateway_events.process(stored.id)
        stored.refresh_from_db()
        assert (stored.attempts, stored.error, stored.next_attempt_at) == (1, "", None)
        assert stored.processed_at
    assert available(alice) == 100 + payment.credits
    assert AuditEntry.objects.filter(action="gateway_event.replayed", organisation=None, subject=stored.id).count() == 2


def test_several_events_are_replayed_by_one_reason(staff: Client) -> None:
    events = [an_event(number) for number in range(3)]
    chosen = {"action": "replay", "_selected_action": [event.id for event in events]}
    asked = staff.post(address(GatewayEvent, "changelist"), chosen)
    staff.post(asked["Location"], {"reason": "They asked", "token": "c" * 32})
    assert GatewayEvent.objects.filter(next_attempt_at__lte=timezone.now(), processed_at=None).count() == 3
    assert AuditEntry.objects.filter(action="gateway_event.replayed", reason="They asked").count() == 3


# Discrepancies


def test_a_discrepancy_that_is_left_as_it_is_is_not_found_again(
    stripe: StripeServer, alice: Organisation, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "GRACE", timedelta(seconds=-5))
    payment = begin(alice)
    stripe.pay(payment.checkout_reference)
    for value in stripe.objects.values():
        value.get("metadata", {}).pop("payment_id", None)
    Payment.objects.filter(pk=payment.pk).delete()

    def found() -> list[str]:
        return [difference.kind for difference in reconciliation.reconcile(timezone.now() - timedelta(hours=1))]

    assert found() == ["unknown_payment"]
    discrepancy = Discrepancy.objects.get()
    assert "Closed." in said(do(staff, discrepancy, "close"))
    assert "closed already" in said(do(staff, discrepancy, "close"))
    assert audited("discrepancy.closed").organisation is None
    discrepancy.refresh_from_db()
    assert discrepancy.closed_by.startswith("staff:usr_")
    assert found() == []
    Discrepancy.objects.filter(pk=discrepancy.pk).update(details="another sum")
    assert found() == ["unknown_payment"]
    assert Discrepancy.objects.filter(resolved_at=None).count() == 1


def test_what_is_closed_does_not_close_what_else_is_wrong_with_the_same_charge(
    stripe: StripeServer, alice: Organisation, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "GRACE", timedelta(seconds=-5))
    quarantined(stripe, alice)
    reconciliation.reconcile(timezone.now() - timedelta(hours=1))
    do(staff, Discrepancy.objects.get(kind="paid_not_credited"), "close")
    reconciliation.reconcile(timezone.now() - timedelta(hours=1))
    assert [row.kind for row in Discrepancy.objects.filter(resolved_at=None)] == ["quarantined"]


# All of them


@pytest.mark.parametrize("action", ["look", "decide", "replay", "close"])
def test_nothing_is_done_without_a_reason(alice: Organisation, staff: Client, action: str) -> None:
    payment = opened(alice, status=Status.QUARANTINED)
    discrepancy = Discrepancy.objects.create(gateway="stripe", kind="differs", reference="x", details="?")
    row: Any = {"replay": an_event(), "close": discrepancy}.get(action, payment)
    before = type(row).objects.values().get(pk=row.pk)
    assert do(staff, row, action, decision="refuse", reason=" ").status_code == 200
    assert type(row).objects.values().get(pk=row.pk) == before
    assert not AuditEntry.objects.filter(actor__startswith="staff:").exists()
