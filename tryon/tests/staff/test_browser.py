"""Staff in the browser: a job is refunded, a delivery replayed, and their pages are as they should be."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Page, sync_playwright

from accounts.models import DeliveryAttempt, Organisation, WebhookDelivery
from accounts.webhooks.delivery import deliver
from tryon import interventions, jobs
from tryon.failures import failure
from tryon.models import Job
from tryon.tests.dashboard.conftest import made
from tryon.uploads import upload
from zupertry.testing import images
from zupertry.testing.jobs import claimed, submitted
from zupertry.testing.receiver import WebhookReceiver
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.staff_pages import address
from zupertry.testing.stage import chromium, shoot
from zupertry.testing.threads import at_once
from zupertry.tests.browser.test_every_page import AXE, DESK, PHONE, too_wide

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(chromium() is None, reason="needs Chromium"),
]


@dataclass
class Desk:
    """Where somebody of the staff sits. `complaints` are the browser's: errors, and what a page's policy refused."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(f"{self.url}{path}")

    def do(self, action: str, reason: str) -> str:
        """Do something by its page, and return what is said then."""
        self.page.get_by_role("link", name=action, exact=True).click()
        self.page.get_by_label("Reason").fill(reason)
        shoot(self.page, f"staff-{action.lower()}-asked")
        self.page.get_by_role("button", name=action, exact=True).click()
        said = self.page.locator(".messagelist li").first.inner_text()
        shoot(self.page, f"staff-{action.lower()}-done")
        return said

    def look(self, name: str) -> list[str]:
        """Return what is wrong with the page that is open: in the light, in the dark, on a phone."""
        found = self._axe()
        shoot(self.page, f"staff-{name}-light")
        self.page.emulate_media(color_scheme="dark")
        # Links change their colour slowly.
        self.page.evaluate("Promise.all(document.getAnimations().map(each => each.finished)).then(() => null)")
        found += [f"in the dark: {finding}" for finding in self._axe()]
        shoot(self.page, f"staff-{name}-dark")
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(PHONE)
        found += too_wide(self.page)
        shoot(self.page, f"staff-{name}-phone")
        self.page.set_viewport_size(DESK)
        return [f"{name}: {finding}" for finding in found]

    def _axe(self) -> list[str]:
        """Return what is serious of the page's own part: what is around it is Django's."""
        if not self.page.evaluate("typeof axe === 'object'"):
            self.page.evaluate(AXE.read_text())
        # Stylesheets that others import would be copied into the page, which its policy refuses: no preload.
        options = {"resultTypes": ["violations"], "preload": False}
        found = self.page.evaluate("options => axe.run('#content-main', options)", options)["violations"]
        serious = [each for each in found if each["impact"] in {"serious", "critical"}]
        return [f"{each['id']}: {[node['target'] for node in each['nodes']][:3]}" for each in serious]


@contextmanager
def desk(url: str, session: str) -> Iterator[Desk]:
    """Open a browser with this session. The database is for other threads then: this one runs its loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        context = browser.new_context(viewport=DESK, reduced_motion="reduce")
        context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
        context.set_default_timeout(15_000)
        seat = Desk(context.new_page(), url)
        context.on(
            "console",
            lambda said: seat.complaints.append(f"{said.location} {said.text}") if said.type != "log" else None,
        )
        context.on("weberror", lambda error: seat.complaints.append(str(error.error)))
        yield seat
        browser.close()


@pytest.fixture
def shop(settings) -> Iterator[WebhookReceiver]:
    """A customer's server, which fails at first; what failed once is not tried again."""
    settings.OUTBOUND_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    settings.WEBHOOK_RETRY_SCHEDULE = []
    with WebhookReceiver(lambda _received: 500) as running:
        yield running


def furnish(alice: Organisation, shop: WebhookReceiver) -> Job:
    """Give each page something to show, and return a completed job whose webhook failed."""
    upload(alice, images.jpeg(300, 400), "model", actor="user:1")
    submitted(alice, client_reference_id="order-1043")
    claimed(alice)
    broken = claimed(alice, client_reference_id="order-1041")
    jobs.fail(broken, failure("engine_error", '{"error": {"code": 500, "message": "Internal error encountered."}}'))
    interventions.run_again(broken, actor="staff:usr_1", reason="The engine was down", key="once")
    job = made(alice, webhook_url=shop.url("/hook"), client_reference_id="order-1042", metadata={"sku": "shirt-7"})
    deliver(str(job.delivery_id))
    DeliveryAttempt.objects.update(response_body="<h1>Internal Server Error</h1>\n" + "We are looking into it. " * 300)
    return job


def test_a_job_is_refunded_a_delivery_replayed_and_the_pages_are_as_they_should_be(alice, shop, live_server):
    job = furnish(alice, shop)
    broken, delivery = Job.objects.get(error_code="engine_error"), WebhookDelivery.objects.select_related("event").get()
    client = staff_client(make_staff("Support", "Billing", "Engineering"))
    findings: list[str] = []
    with desk(live_server.url, client.cookies[django_settings.SESSION_COOKIE_NAME].value) as seat:

        def look(name: str, path: str) -> None:
            seat.open(path)
            findings.extend(seat.look(name))

        seat.open(address(Job, "changelist"))
        shoot(seat.page, "staff-jobs")
        seat.open(address(broken, "change", broken.pk))
        shoot(seat.page, "staff-failed-job")
        look("delivery", address(delivery, "change", delivery.pk))
        seat.page.locator("details summary", has_text="characters").click()
        shoot(seat.page, "staff-delivery-answer")

        shop.respond = lambda _received: 204
        assert seat.do("Replay", "Their server is back").endswith("Sent again.")
        at_once([lambda: deliver(delivery.id)])
        seat.page.reload()
        assert seat.page.locator(".facts .state").first.inner_text() == "delivered"
        shoot(seat.page, "staff-replay-delivered")

        look("completed-job", address(job, "change", job.id))
        widths: Any = seat.page.eval_on_selector_all(".pictures img", "all => all.map(image => image.naturalWidth)")
        assert len([width for width in widths if width > 0]) == 3
        seat.open(f"{address(job, 'do', 'run-again')}?id={job.id}")
        shoot(seat.page, "staff-run-again")
        seat.open(address(job, "change", job.id))
        assert seat.do("Refund", "Three arms").endswith("Refunded.")
        assert seat.page.locator(".facts .state").first.inner_text() == "refunded"

    assert not seat.complaints, "\n".join(seat.complaints)
    assert not findings, "\n".join(findings)
