"""What people come for, from beginning to end, in Chromium against the running service."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tryon.samples import sample_bytes
from zupertry.testing.receiver import Received
from zupertry.testing.stage import PASSWORD, Stage, shoot

pytestmark = pytest.mark.slow


@pytest.fixture
def photos(tmp_path: Path) -> dict[str, Path]:
    """A person's photo and a garment's, as files of the visitor's own."""
    files = {"model": tmp_path / "me.jpg", "garment": tmp_path / "shirt.jpg"}
    files["model"].write_bytes(sample_bytes("model"))
    files["garment"].write_bytes(sample_bytes("garment"))
    return files


def log_in(stage: Stage, page: Page, email: str) -> None:
    page.goto(stage.url("/login"))
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


def test_from_sign_up_to_a_webhook_sent_again(stage: Stage, photos: dict[str, Path]) -> None:
    page = stage.visitor()
    stage.sign_up(page, "ada@shop.example")
    test_key = stage.onboard(page, "Ada Shop")
    assert test_key.startswith("zt_test_sk_")
    shoot(page, "journey-1-organisation")

    page.get_by_role("link", name="Make the first picture").click()
    page.locator("input[type=file]").first.set_input_files(photos["model"])
    page.locator("input[type=file]").last.set_input_files(photos["garment"])
    page.get_by_role("radio", name=re.compile("Live")).check()
    page.get_by_role("button", name="Try it on").click()
    slider = page.get_by_role("slider")
    slider.wait_for()
    expect(page.get_by_text(re.compile(r"Made in [\d.]+\s(ms|s)\."))).to_be_visible()
    before = page.locator("before-after").evaluate("frame => getComputedStyle(frame).getPropertyValue('--at')")
    slider.press("Home")
    assert page.locator("before-after").evaluate("frame => frame.style.getPropertyValue('--at')") != before
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith(".jpg")
    shoot(page, "journey-2-playground")

    call = the_same_call(page)
    live_key = make_a_live_key(stage, page)
    set_a_webhook_that_fails(stage, page)
    job = stage.service.call("POST", "/v1/tryon", live_key, call)
    assert job.status == 202, job
    [received] = stage.shop.wait_for(1)
    assert received.json["data"]["job_id"] == job.body["job_id"]
    send_it_again(stage, page, received)


def the_same_call(page: Page) -> dict[str, str]:
    """Return the body of the call that the playground shows as code."""
    code = page.locator(".sample code").first.inner_text()
    return dict(re.findall(r'"(model_image_url|garment_image_url)": "([^"]+)"', code))


def make_a_live_key(stage: Stage, page: Page) -> str:
    page.goto(stage.url("/dashboard/developers/keys"))
    page.get_by_label("Name").fill("Production")
    page.get_by_label("Mode").select_option("live")
    page.get_by_role("button", name="Make the key").click()
    key = page.locator("#new-key").inner_text()
    assert key.startswith("zt_live_sk_")
    shoot(page, "journey-3-key")
    return key


def set_a_webhook_that_fails(stage: Stage, page: Page) -> None:
    """Let the shop answer that there is nobody: the one answer after which nothing is tried again by itself."""
    stage.shop.respond = lambda _received: 410
    page.goto(stage.url("/dashboard/developers/webhooks"))
    page.get_by_label("URL").fill(stage.shop.url())
    page.get_by_role("button", name="Save").click()


def send_it_again(stage: Stage, page: Page, received: Received) -> None:
    """Find the attempt that failed in the log, mend the shop, and replay it."""
    page.goto(stage.url("/dashboard/developers/deliveries"))
    page.locator("main a[href*='/deliveries/']").first.click()
    expect(page.get_by_text("HTTP 410").first).to_be_visible()
    shoot(page, "journey-4-delivery")
    stage.shop.respond = lambda _received: 204
    page.get_by_role("button", name="Replay").click()
    again = stage.shop.wait_for(2)[-1]
    assert again.headers["webhook-id"] == received.headers["webhook-id"]
    # The page follows the attempt by itself.
    expect(page.get_by_text("HTTP 204").first).to_be_visible(timeout=15_000)
    shoot(page, "journey-5-delivered")


def test_a_colleague_is_invited_and_sees_what_the_role_may(stage: Stage) -> None:
    owner = stage.visitor()
    stage.sign_up(owner, "olga@shop.example")
    stage.onboard(owner, "Olga Shop")
    owner.goto(stage.url("/dashboard/team"))
    owner.get_by_label("E-mail").fill("vera@shop.example")
    owner.get_by_label("Role").select_option("viewer")
    owner.get_by_role("button", name="Send the invitation").click()

    link = re.search(r"http://\S+/invitation\S+", stage.mail_to("vera@shop.example", "Olga").part("plain"))
    assert link
    viewer = stage.visitor()
    viewer.goto(link[0])
    viewer.get_by_label("Your name").fill("Vera")
    viewer.get_by_label("Password").fill(PASSWORD)
    viewer.get_by_role("button", name="Make an account and join").click()
    assert areas(viewer) >= {"Home", "Jobs", "Usage"}
    assert not areas(viewer) & {"Developers", "Billing", "Settings"}
    shoot(viewer, "journey-viewer")

    owner.goto(stage.url("/dashboard/team"))
    owner.get_by_role("link", name="Change vera@shop.example").click()
    owner.get_by_label("Role").select_option("developer")
    owner.get_by_role("button", name="Save").click()
    viewer.goto(stage.url("/dashboard/"))
    assert "Developers" in areas(viewer)
    assert "Billing" not in areas(viewer)


def areas(page: Page) -> set[str]:
    """Return what the menu leads to, once a page with one is there."""
    expect(page.locator(".side nav")).to_be_visible()
    return {link.strip() for link in page.locator(".side nav a").all_inner_texts()}


def test_a_try_on_by_keyboard_alone_in_the_dark(stage: Stage) -> None:
    page = stage.visitor(color_scheme="dark")
    stage.sign_up(page, "kay@shop.example")
    stage.onboard(page, "Kay Shop")
    page.context.clear_cookies()
    page.goto(stage.url("/login"))
    tab_to(page, "E-mail")
    page.keyboard.type("kay@shop.example")
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/dashboard/**")
    tab_to(page, "Playground")
    page.keyboard.press("Enter")
    page.wait_for_url("**/playground")
    for _ in range(2):
        tab_to(page, "Use our sample")
        page.keyboard.press("Space")
    tab_to(page, "Try it on")
    page.keyboard.press("Enter")
    page.get_by_role("slider").wait_for()
    shoot(page, "journey-keyboard-dark")


def tab_to(page: Page, name: str, most: int = 40) -> None:
    """Press Tab until the control of this name has the focus, which has to be seen on each on the way."""
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
                const it = document.activeElement;
                const frame = it.closest("label, .pack, .drop, .sample-choice");
                const around = [it, frame, it.nextElementSibling];
                const seen = around.some((part) => part && getComputedStyle(part).outlineStyle !== "none");
                const name = it.labels?.[0]?.innerText || it.getAttribute("aria-label") || it.innerText || "";
                return { name: name.trim(), seen };
            }"""
        )
        assert focused["seen"], f"nobody sees that “{focused['name']}” has the focus"
        if focused["name"].startswith(name):
            return
    raise AssertionError(f"{name} can't be reached by {most} times Tab")


def test_a_purchase_on_a_phone_by_an_organisation_whose_name_is_one_long_word(stage: Stage) -> None:
    page = stage.visitor(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    stage.sign_up(page, "pia@shop.example")
    stage.onboard(page, "Damenoberbekleidungsfachgeschäft" * 5)
    for path in ("/dashboard/", "/dashboard/audit", "/dashboard/settings", "/dashboard/account/delete"):
        page.goto(stage.url(path))
        for width in (390, 834, 1024):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} at {width}"
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(stage.url("/dashboard/"))
    page.get_by_text("Menu").tap()
    page.locator(".menu-panel").get_by_role("link", name="Billing").tap()
    page.wait_for_url("**/dashboard/billing/")
    shoot(page, "journey-phone-billing")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
