"""Staff at work in Chromium: in by a second factor, then what they do to an organisation."""

import re
import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Page, expect

from zupertry.bootstrap import Bootstrapped
from zupertry.core import ids
from zupertry.testing.inside import Inside
from zupertry.testing.stage import PASSWORD, Stage, shoot
from zupertry.tests.browser.test_every_page import PHONE, axe, too_wide

pytestmark = pytest.mark.slow

OVERFLOWS = "[...document.querySelectorAll('.results')].some(each => each.scrollWidth > each.clientWidth)"
SUCCESS = "https://test.zupertry.com/success.jpg"


def code(secret: str) -> str:
    """Return what an authenticator app shows."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def come_in(stage: Stage, *groups: str) -> Page:
    """Make a member of staff, who logs in and sets an authenticator app up."""
    email = f"{'-'.join(groups).lower()}@zupertry.test"
    named = [part for group in groups for part in ("--group", group)]
    stage.service.manage("make_staff", "--email", email, "--password", PASSWORD, *named)
    page = stage.visitor(reduced_motion="reduce")
    page.goto(stage.url("/login"))
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url(lambda url: "/login" not in url)
    page.goto(stage.url("/dashboard/account/security/app"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    secret = page.locator("main code").inner_text()
    page.get_by_label("Code that the app shows").fill(code(secret))
    page.get_by_role("button", name="Turn it on").click()
    page.get_by_role("link", name="I have kept them").click()
    page.goto(stage.url("/admin/"))
    page.wait_for_url("**/admin/")
    return page


def find(page: Page, term: str) -> None:
    page.get_by_role("textbox", name="Find").fill(term)
    page.get_by_role("button", name="Search").click()


def act(page: Page, label: str, **fields: str) -> None:
    """Open an action from a row's page, fill it in, and do it."""
    page.get_by_role("link", name=label).click()
    for name, value in fields.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_label("Reason").fill("ticket 4711")
    page.get_by_role("button", name=label).click()


def balance(stage: Stage, shop: Bootstrapped) -> tuple[int, int]:
    answer = stage.service.call("GET", "/v1/account", shop.live_key)
    return answer.status, answer.body.get("credits", 0)


def test_an_organisation_is_found_given_credits_and_suspended(stage: Stage, inside: Inside) -> None:
    shop = inside.bootstrap(stage.service, name="Walker Fashion")
    body = {"model_image_url": SUCCESS, "garment_image_url": SUCCESS, "webhook_url": stage.shop.url()}
    assert stage.service.call("POST", "/v1/tryon", shop.test_key, body).status == 202
    stage.shop.wait_for(1)
    page = come_in(stage, "Billing", "Support")
    page.goto(stage.url("/admin/accounts/organisation/"))
    find(page, shop.live_key)
    assert shop.live_key not in page.url
    expect(page.get_by_text("should be revoked")).to_be_visible()
    find(page, "walker")
    shoot(page, "staff-organisations")
    page.get_by_role("link", name="Walker Fashion").click()

    act(page, "Grant credits", credits="1500", note="For the outage")
    expect(page.get_by_text("1,500 credits granted")).to_be_visible()
    shoot(page, "staff-granted")
    assert balance(stage, shop) == (200, 1600)
    page.go_back()
    page.get_by_role("button", name="Grant credits").click()
    expect(page.get_by_text("Nothing has been done yet")).to_be_visible()
    shoot(page, "staff-grant-errors")
    assert balance(stage, shop) == (200, 1600)
    page.get_by_role("link", name="Not now").click()

    page.get_by_role("link", name="Suspend").click()
    shoot(page, "staff-suspend")
    page.go_back()
    act(page, "Suspend")
    expect(page.get_by_text("Its requests are refused")).to_be_visible()
    shoot(page, "staff-suspended")
    assert balance(stage, shop)[0] == 403
    act(page, "Restore")
    assert balance(stage, shop) == (200, 1600)
    findings = [finding for address in pages(page) for finding in look(stage, page, address)]
    assert not findings, "\n".join(findings)
    assert inside.differences(stage.service) == []


def test_every_listing_fits_a_window_of_1280_and_its_ids_are_copied_whole(stage: Stage, inside: Inside) -> None:
    shop = inside.bootstrap(stage.service, name="Walker Fashion & Daughters")
    inside.wide_rows(stage.service, shop.org_id)
    page = come_in(stage, "Engineering")
    page.set_viewport_size({"width": 1280, "height": 900})
    listings = page.eval_on_selector_all(".apps tbody th a", "all => all.map(a => a.href)")
    assert len(listings) > 20
    for address in listings:
        page.goto(address)
        shoot(page, f"staff-listing-{address.rstrip('/').rpartition('/')[2]}")
        assert not page.evaluate(OVERFLOWS), address
    page.goto(stage.url("/admin/accounts/webhookdelivery/"))
    copied = page.locator("#result_list code.id").first.evaluate(
        "id => { getSelection().selectAllChildren(id); return [getSelection().toString(), id.title] }"
    )
    assert copied[0] == copied[1]
    assert ids.is_id("whd", copied[0])


def pages(page: Page) -> list[str]:
    """Return the addresses of an organisation's page, of an action, a person, and two listings."""
    person = page.locator(".section a[href*='/accounts/user/']").first.evaluate("link => link.href")
    action = page.get_by_role("link", name="Write to the owners").evaluate("link => link.href")
    listings = page.eval_on_selector_all(
        "h2 a[href*='/accounts/apikey/'], h2 a[href*='/accounts/auditentry/']", "all => all.map(a => a.href)"
    )
    assert len(listings) == 2
    return [page.url, action, person, *listings]


def look(stage: Stage, page: Page, address: str) -> list[str]:
    """Return what is wrong with a page, in the light, in the dark and on a phone, and keep what it looks like."""
    page.goto(address)
    name = re.sub(r"\?.*|[a-z]+_[0-9a-v]{26}", "", address.partition("/admin/")[2]).strip("/").replace("/", "-")
    found = axe(page)
    if page.evaluate(OVERFLOWS):
        found.append("the listing is wider than its place")
    shoot(page, f"staff-{name}-light")
    page.emulate_media(color_scheme="dark")
    page.reload()  # or links are still on their way from one colour to the other
    found += [f"in the dark: {finding}" for finding in axe(page, only=["color-contrast"])]
    shoot(page, f"staff-{name}-dark")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    found += too_wide(page)
    shoot(page, f"staff-{name}-phone")
    page.set_viewport_size({"width": 1280, "height": 900})
    return [f"{address}: {finding}" for finding in found]
