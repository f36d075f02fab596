"""An event is replayed and a payment decided on as staff do it: in a browser."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.models import AuditEntry, Organisation
from billing import gateway_events, ledger, payments
from billing.models import GatewayEvent, Payment
from billing.tests.staff.pages import address
from billing.tests.test_payments import begin
from zupertry.testing.money import post_event
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.stage import chromium, shoot
from zupertry.testing.stripe import StripeServer

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A browser in which somebody from Billing has logged in. What its console says is an error."""
    executable = chromium()
    if executable is None:
        pytest.skip("needs Chromium")
    client: Client = staff_client(make_staff("Billing"))
    # Playwright runs an event loop in this thread, in which Django would refuse to ask the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
        context.on("console", lambda message: complaints.append(message.text))
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        yield context.new_page()
        browser.close()
    assert complaints == []


def test_an_event_is_replayed_and_a_payment_decided_on(page: Page, stripe: StripeServer, alice: Organisation) -> None:
    payment = begin(alice)
    Payment.objects.filter(pk=payment.pk).update(net_minor=payment.net_minor + 5)
    stripe.pay(payment.checkout_reference)
    payments.settle(payment.id)
    stripe.break_next(100, "500")
    post_event(stripe, next(event for event in stripe.events if event["type"] == "payment_intent.succeeded"))
    stripe.mend()

    page.goto(address(Payment, "changelist"))
    page.locator(".waiting a").click()
    shoot(page, "staff-payments-quarantined")
    page.locator("#result_list th a").click()
    shoot(page, "staff-payment")
    page.get_by_role("link", name="payment_intent.succeeded").first.click()
    page.get_by_role("link", name="Replay").click()
    page.get_by_label("Reason").fill("Stripe was away")
    shoot(page, "staff-event-replay")
    page.get_by_role("button", name="Replay").click()
    page.get_by_text("is being processed again").wait_for()
    shoot(page, "staff-event-replayed")
    event = GatewayEvent.objects.get()
    assert (event.processed_at, AuditEntry.objects.get(subject=event.id).reason) == (None, "Stripe was away")
    gateway_events.process(event.id)
    event.refresh_from_db()
    assert (event.error, Payment.objects.get().status) == ("", "quarantined")

    page.get_by_role("link", name=payment.id).click()
    page.get_by_role("link", name="Decide").click()
    page.get_by_label("Accept").check()
    page.get_by_label("Reason").fill("The price list changed while they paid")
    shoot(page, "staff-payment-decide")
    page.get_by_role("button", name="Decide").click()
    page.get_by_text("credits given").wait_for()
    shoot(page, "staff-payment-accepted")
    assert ledger.balance(alice.id).available == 100 + payment.credits
