"""The whole service with a browser before it: Chromium, a mailbox, a shop's webhook endpoint, a Stripe to pay at."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from zupertry.testing.receiver import WebhookReceiver
from zupertry.testing.service import Service
from zupertry.testing.smtp import MailServer, Posted
from zupertry.testing.stripe import StripeServer

T = TypeVar("T")

PASSWORD = "correct horse battery staple"
PATIENCE_SECONDS = 15.0
# A refusal is an answer like any other to us, and an error to the console.
_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")


def chromium() -> str | None:
    """Return the path of a Chromium on this machine, if there is one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass
class Stage:
    """What a test in the browser works with. `complaints` are the browser's own: errors, and foreign requests."""

    service: Service
    mail: MailServer
    shop: WebhookReceiver
    stripe: StripeServer
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    def visitor(self, **options: Any) -> Page:
        """Open a page as somebody new. `options` are those of a browser context: `viewport`, `color_scheme`, …"""
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(f"{error.page and error.page.url}: {error.error}"))
        return context.new_page()

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"{self.service.url}{path}"

    def sign_up(self, page: Page, email: str) -> None:
        """Sign up by the form and the mailed code, up to where the organisation is asked for."""
        page.goto(self.url("/signup"))
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign up").click()
        code = re.search(r"code for Zupertry is (\S+)", self.mail_to(email).part("plain"))
        assert code
        page.get_by_label("Code").fill(code[1])
        page.get_by_role("button", name="Continue").click()

    def onboard(self, page: Page, name: str, country: str = "DE") -> str:
        """Make an organisation, and return its test key."""
        page.get_by_label("Organisation").fill(name)
        page.get_by_label("Country").select_option(country)
        page.get_by_role("button", name="Create it").click()
        return page.locator(".key code").inner_text()

    def mail_to(self, email: str, subject: str = "") -> Posted:
        """Return the newest mail to an address whose subject contains this, once there is one."""
        return until(lambda: next((mail for mail in reversed(self.mail.posted) if _fits(mail, email, subject)), None))

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if f"{parts.scheme}://{parts.netloc}" not in {self.service.url, self.stripe.url, "blob://", "data://"}:
            self.complaints.append(f"{request.frame.url} asked for {request.url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _REFUSED.match(message.text):
            self.complaints.append(f"{message.page and message.page.url}: {message.text}")


def shoot(page: Page, name: str) -> None:
    """Keep a screenshot of the whole page in the folder that `SCREENSHOTS` names, if it does: they take their time."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.jpg", type="jpeg", quality=70, full_page=True)


def _fits(mail: Posted, email: str, subject: str) -> bool:
    return email in mail.recipients and subject in str(mail.message["Subject"])


def until(look: Callable[[], T | None]) -> T:
    """Return what `look` returns once that is not None. Raises `TimeoutError` after 15 s."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (seen := look()) is None:
        if time.monotonic() > end:
            raise TimeoutError(f"nothing came in {PATIENCE_SECONDS:g} s")
        time.sleep(0.05)
    return seen


@contextmanager
def set_stage(folder: Path, executable: str) -> Iterator[Stage]:
    """Start it all, with the local engine for live jobs."""
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with ExitStack() as stack:
        mail, shop = stack.enter_context(MailServer()), stack.enter_context(WebhookReceiver())
        service = Service(folder, {"TRYON_ENGINE": "local", "OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8"})
        stripe = stack.enter_context(StripeServer(events_to=f"{service.url}/gateway-events/stripe"))
        service.environment |= {
            "EMAIL_URL": f"smtp://127.0.0.1:{mail.port}",
            "STRIPE_SECRET_KEY": stripe.secret_key,
            "STRIPE_WEBHOOK_SECRET": stripe.sender.secret,
            "STRIPE_API_BASE": stripe.url,
        }
        stack.enter_context(service)
        playwright = stack.enter_context(sync_playwright())
        # As root, which containers often are, Chromium has no sandbox to put its pages into.
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        stack.callback(browser.close)
        yield Stage(service, mail, shop, stripe, browser)
