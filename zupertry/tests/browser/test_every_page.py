"""Every page that links lead to: accessible, narrow enough for a phone, quiet on the console, with nothing foreign."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import Page, ViewportSize

from zupertry import testing
from zupertry.testing.stage import PASSWORD, Stage, shoot

pytestmark = pytest.mark.slow

AXE = Path(testing.__file__).parent / "vendor" / "axe-core" / "axe.min.js"
AXE_OPTIONS = {"resultTypes": ["violations"], "preload": False}
"""No preload: for stylesheets that import others axe-core adds elements with inline style, which our policy refuses."""
PHONE, DESK = ViewportSize(width=390, height=844), ViewportSize(width=1280, height=900)
DETAILS = {
    "Legal name": "Walker GmbH",
    "E-mail for receipts": "money@shop.example",
    "Address": "Lindenstraße 1",
    "City": "Berlin",
    "Postal code": "10969",
}
NO_PAGES = re.compile(r"\.(csv|pdf|txt|md|json|xml)$|^/(v1|files|healthz)")
UNLINKED = ["/nothing-here", "/password/reset/sent", "/inactive"]
MET_BY_LINKS = {
    *(
        "home",
        "pricing",
        "reference",
        "docs-page-quickstart",
        "account_signup",
        "account_login",
        "account_reset_password",
    ),
    *("dashboard", "tryon:playground", "tryon:jobs", "tryon:job", "tryon:usage", "profile", "usersessions_list"),
    *(
        "billing:overview",
        "billing:payments",
        "billing:payment",
        "billing:details",
        "billing:ledger",
    ),
    *(
        "developers:keys",
        "developers:revoke-key",
        "developers:webhooks",
        "developers:deliveries",
        "developers:delivery",
    ),
    *("workspaces:list", "team:team", "team:member", "team:remove", "audit:log", "leave", "delete-account"),
    *("settings:organisation", "settings:export", "settings:delete", "account_email", "account_change_password"),
    *("mfa_index", "mfa_activate_totp", "mfa_add_webauthn"),
}
"""Pages that have to be among those that the walk comes to, so that it can't end early unseen.

Invoices are not: those of payments in euros are at Stripe.
"""


@dataclass
class Walk:
    """A walk over pages by their links, each route once, and what is wrong with each page that was `seen`."""

    stage: Stage
    page: Page
    prefix: str
    seen: set[str] = field(default_factory=set)
    findings: list[str] = field(default_factory=list)

    def over(self, *starts: str) -> None:
        """Look at these pages, and at all that their links lead to."""
        waiting, asked = list(starts), self.seen - {route(start) for start in starts}
        while waiting:
            address = waiting.pop(0)
            if route(address) in asked:
                continue
            asked.add(route(address))
            self.page.goto(self.stage.url(address))
            landed = urlsplit(self.page.url).path
            waiting += links(self.page)
            if (name := route(landed)) not in self.seen:
                self.seen.add(name)
                self.findings += [f"{landed}: {finding}" for finding in self.look(name)]

    def look(self, name: str) -> Iterator[str]:
        """Yield what is wrong with the page that is open: in the light, in the dark, and on a phone."""
        picture = f"{self.prefix}-{re.sub('[^a-z0-9-]+', '-', name)}"
        yield from axe(self.page)
        shoot(self.page, f"{picture}-light")
        self.page.emulate_media(color_scheme="dark")
        yield from (f"in the dark: {finding}" for finding in axe(self.page, only=["color-contrast"]))
        shoot(self.page, f"{picture}-dark")
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(PHONE)
        yield from too_wide(self.page)
        shoot(self.page, f"{picture}-phone")
        self.page.set_viewport_size(DESK)


def route(address: str) -> str:
    """Return the name of a page's route, by which two jobs' pages are one; documents are each their own."""
    try:
        match = resolve(address)
    except Resolver404:
        return "not-found"
    return "-".join([match.view_name, *match.kwargs.values()]) if match.view_name == "docs-page" else match.view_name


def links(page: Page) -> Iterator[str]:
    """Yield the paths of the links on a page that lead to pages of ours."""
    for href in page.eval_on_selector_all("a[href]", "all => all.filter(a => !a.download).map(a => a.href)"):
        parts = urlsplit(href)
        if parts.netloc == urlsplit(page.url).netloc and not NO_PAGES.search(parts.path):
            yield parts.path


def axe(page: Page, only: list[str] | None = None) -> list[str]:
    """Return what axe-core finds serious or critical. https://github.com/dequelabs/axe-core/blob/develop/doc/API.md"""
    if not page.evaluate("typeof axe === 'object'"):
        # By the protocol rather than by a script element: the page's policy would refuse that, as it should.
        page.evaluate(AXE.read_text())
    rules: dict[str, Any] = {"runOnly": {"type": "rule", "values": only}} if only else {}
    found = page.evaluate("options => axe.run(document, options)", {**AXE_OPTIONS, **rules})
    return [
        f"{violation['id']}: {violation['help']}: {[node['target'] for node in violation['nodes']][:3]}"
        for violation in found["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]


def too_wide(page: Page) -> list[str]:
    """Say whether the page is wider than its window, once it has had the time to lay itself out anew."""
    # Asked from here: what the page itself goes on asking, as `wait_for_function` has it do, its policy refuses.
    for _ in range(20):
        excess = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if excess <= 0:
            return []
        page.wait_for_timeout(50)
    return [f"on a phone it is {excess} pixels too wide"]


def furnish(stage: Stage, page: Page) -> None:
    """Give a new organisation something to show on each page: jobs, deliveries, a colleague, a payment."""
    stage.sign_up(page, "walker@shop.example")
    key = stage.onboard(page, "Walker Fashion")
    page.goto(stage.url("/dashboard/developers/webhooks"))
    page.get_by_label("URL").fill(stage.shop.url())
    page.get_by_role("button", name="Save").click()
    for name in ("success", "person_not_found"):
        pictures = [f"https://test.zupertry.com/{file}.jpg" for file in (name, "success")]
        body = dict(zip(("model_image_url", "garment_image_url"), pictures, strict=True))
        assert stage.service.call("POST", "/v1/tryon", key, body).status == 202
    stage.shop.wait_for(2)
    page.goto(stage.url("/dashboard/team"))
    page.get_by_label("E-mail").fill("guest@shop.example")
    page.get_by_label("Role").select_option("viewer")
    page.get_by_role("button", name="Send the invitation").click()
    join(stage)
    buy(stage, page)


def join(stage: Stage) -> None:
    """Let the colleague accept."""
    link = re.search(r"http://\S+/invitation\S+", stage.mail_to("guest@shop.example").part("plain"))
    assert link
    guest = stage.visitor()
    guest.goto(link[0])
    guest.get_by_label("Your name").fill("Guest")
    guest.get_by_label("Password").fill("a guest's good password")
    guest.get_by_role("button", name="Make an account and join").click()
    guest.wait_for_url("**/dashboard/**")


def buy(stage: Stage, page: Page) -> None:
    """Buy the smallest pack at Stripe's page, and come back."""
    page.goto(stage.url("/dashboard/billing/"))
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Continue").click()
    for label, value in DETAILS.items():
        page.get_by_label(label).fill(value)
    page.get_by_label("Country").select_option("DE")
    page.get_by_role("button", name="Continue to payment").click()
    page.wait_for_url(f"{stage.stripe.url}/**")
    page.locator("button[name=card]").first.click()
    page.wait_for_url(re.compile(r"/dashboard/billing/payments/\w+(\?.*)?$"))


def test_every_page_is_as_it_should_be(stage: Stage) -> None:
    outside = Walk(stage, stage.visitor(reduced_motion="reduce"), "public")
    outside.over("/", *UNLINKED)
    page = stage.visitor(reduced_motion="reduce")
    furnish(stage, page)
    inside = Walk(stage, page, "dashboard", seen=outside.seen)
    inside.over("/dashboard/")
    page.goto(stage.url("/dashboard/settings/delete"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    inside.over("/dashboard/settings", "/dashboard/account", "/dashboard/account/security")

    findings = outside.findings + inside.findings
    assert not findings, "\n".join(findings)
    assert inside.seen >= MET_BY_LINKS
