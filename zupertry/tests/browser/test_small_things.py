"""What the pages do by themselves, in Chromium: menus that close, pictures that are none, figures that follow."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tryon.samples import sample_bytes
from zupertry.testing.stage import Stage

pytestmark = pytest.mark.slow

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_the_menu_of_a_phone_closes_by_escape_and_by_a_tap_elsewhere(stage: Stage) -> None:
    page = stage.visitor(**PHONE)
    stage.sign_up(page, "mia@shop.example")
    stage.onboard(page, "Mia Shop")
    page.goto(stage.url("/dashboard/workspaces"))
    menu, summary, panel = page.locator(".menu"), page.locator(".menu > summary"), page.locator(".menu-panel")

    summary.tap()
    panel.get_by_role("link", name="Jobs").focus()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(summary).to_be_focused()

    summary.tap()
    expect(panel).to_be_visible()
    panel.locator(".person-name").tap()
    expect(menu).to_have_attribute("open", "")
    box = panel.bounding_box()
    assert box
    page.touchscreen.tap(20, box["y"] + box["height"] + 10)
    expect(panel).to_be_hidden()

    summary.tap()
    expect(panel).to_be_visible()
    summary.tap()
    expect(panel).to_be_hidden()


def test_a_click_elsewhere_closes_the_menu_and_the_keyboard_goes_on_from_it(stage: Stage) -> None:
    page = stage.visitor(viewport={"width": 800, "height": 1200})
    stage.sign_up(page, "max@shop.example")
    stage.onboard(page, "Max Shop")
    page.goto(stage.url("/dashboard/workspaces"))
    menu, summary = page.locator(".menu"), page.locator(".menu > summary")

    summary.click()
    page.mouse.click(20, 1150)
    expect(menu).not_to_have_attribute("open", "")
    expect(summary).to_be_focused()

    summary.click()
    field = page.get_by_label("Name")
    field.evaluate("field => { field.closest('form').style.cssText = 'position: fixed; bottom: 0; z-index: 9' }")
    field.click()
    expect(menu).not_to_have_attribute("open", "")
    expect(field).to_be_focused()


def test_a_text_that_is_named_jpg_is_refused_in_the_pages_words(stage: Stage, tmp_path: Path) -> None:
    page = stage.visitor()
    stage.sign_up(page, "tom@shop.example")
    stage.onboard(page, "Tom Shop")
    page.goto(stage.url("/dashboard/playground"))
    text, photo = tmp_path / "me.jpg", tmp_path / "really-me.jpg"
    text.write_text("no picture")
    photo.write_bytes(sample_bytes("model"))
    picker = page.locator("[data-picker]").first
    file, said, preview = (
        picker.locator("input[type=file]"),
        picker.locator(".field-error").first,
        picker.locator(".drop-preview"),
    )

    file.set_input_files(text)
    expect(said).to_have_text("This file cannot be read as a picture. Send a JPEG, PNG or WebP.")
    expect(preview).to_be_hidden()
    assert file.evaluate("input => input.files.length") == 0

    file.set_input_files(photo)
    expect(said).to_be_empty()
    expect(preview).to_be_visible()


def test_the_credits_beside_a_try_on_follow_it(stage: Stage, tmp_path: Path) -> None:
    page = stage.visitor()
    stage.sign_up(page, "liv@shop.example")
    stage.onboard(page, "Liv Shop")
    page.goto(stage.url("/dashboard/playground"))
    before = available(page)
    shirt = tmp_path / "shirt.jpg"
    shirt.write_bytes(sample_bytes("garment"))
    for picker in page.locator("[data-picker]").all():
        picker.locator("input[type=file]").set_input_files(shirt)
    page.get_by_role("radio", name="Live").check()

    page.get_by_role("button", name="Try it on").click()

    expect(page.get_by_text("The credit was given back.")).to_be_visible(timeout=60_000)
    assert available(page) == before


def available(page: Page) -> int:
    return int(page.locator("#available").inner_text())
