"""Public pages: valid, without anything inline or foreign, and there when the rest is not.

Nothing here may use the database: a page of ours, an error page above all, renders while it is down.
"""

import itertools
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.test import Client
from django.urls import path

from zupertry import urls
from zupertry.core.errors import Refusal
from zupertry.docs.site import SLUGS
from zupertry.testing.page import Element, parse
from zupertry.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500"]

PAGES = ["/", "/docs/api", *(f"/docs/{slug}" for slug in SLUGS), "/nothing-here"]


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a bug")


def private(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


urlpatterns = [path("broken", broken), path("private", private), *urls.urlpatterns]


@pytest.fixture
def browser() -> Client:
    return Client(raise_request_exception=False)


def page(browser: Client, address: str) -> Element:
    return parse(browser.get(address).content.decode())


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_valid_html(browser, address):
    html = page(browser, address)

    assert html.all("html")[0].attributes["lang"] == "en"
    assert html.all("title")[0].text
    assert len(html.all("main")) == len(html.all("h1")) == 1
    ids = [element.attributes["id"] for element in html.all() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[\w.-]+", id_) for id_ in ids)


@pytest.mark.parametrize("address", PAGES)
def test_headings_skip_no_level(browser, address):
    levels = [int(heading.tag[1]) for heading in page(browser, address).all("h1", "h2", "h3", "h4", "h5", "h6")]

    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))


@pytest.mark.parametrize("address", PAGES)
def test_nothing_is_inline_or_foreign(browser, address):
    """The Content-Security-Policy would refuse it."""
    response = browser.get(address)
    html = parse(response.content.decode())

    assert "'unsafe" not in response["Content-Security-Policy"]
    assert not html.all("style")
    assert not [element for element in html.all("script") if "src" not in element.attributes or element.text.strip()]
    names = {name for element in html.all() for name in element.attributes}
    assert "style" not in names
    assert not [name for name in names if name.startswith("on")]
    loaded = [element.attributes.get("src") or element.attributes["href"] for element in html.all("script", "link")]
    assert all(not urlsplit(address).netloc for address in loaded)


@pytest.mark.parametrize("address", [*PAGES, "/pricing"])
def test_every_link_leads_somewhere(browser, address, db):
    """To an id on the page or on another, a static file, or an address of ours that answers, if only with the login."""
    html = page(browser, address)
    addresses = {element.attributes["href"] for element in html.all("a", "link")}

    for href in addresses:
        if href.startswith("#"):
            html.by_id(href[1:])
        elif href.startswith(settings.STATIC_URL):
            assert finders.find(href.removeprefix(settings.STATIC_URL)), href
        elif href.startswith("/"):
            assert_leads_somewhere(browser, href)
        else:
            assert href == "https://www.standardwebhooks.com/"


def assert_leads_somewhere(browser: Client, href: str) -> None:
    path, _, anchor = href.partition("#")
    answer = browser.get(path)
    assert answer.status_code == 200 or answer["Location"].startswith("/login"), href
    if anchor:
        parse(answer.content.decode()).by_id(anchor)


@pytest.mark.parametrize("address", PAGES)
def test_labels_belong_to_controls_and_parts_of_the_page_to_their_headings(browser, address):
    html = page(browser, address)

    for label in html.all("label"):
        assert html.by_id(label.attributes["for"]).tag == "input"
    for element in html.all():
        if heading := element.attributes.get("aria-labelledby"):
            assert html.by_id(heading).text.strip()


def test_the_stylesheet_loads_nothing_from_elsewhere():
    css = (settings.BASE_DIR / "static/css/zupertry.css").read_text()

    assert "url(" not in css
    assert "@import" not in css


TEXT_ON_GROUND = [
    *[(text, ground) for text in ("ink", "ink-soft", "accent") for ground in ("paper", "surface", "sunken")],
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("accent-strong", "accent-wash"),
    *[(method, f"{method}-wash") for method in ("get", "post", "delete")],
    *[(f"code-{kind}", "code-paper") for kind in ("ink", "soft", "key", "string", "word", "number")],
]


def tokens(scheme: str) -> dict[str, str]:
    """The stylesheet's colours; dark ones replace some of the light ones."""
    css = (settings.BASE_DIR / "static/css/zupertry.css").read_text()
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in css.split(":root {")[1:3])
    return {**light, **dark} if scheme == "dark" else light


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON_GROUND)
def test_text_has_the_contrast_that_wcag_asks_for(scheme, text, ground):
    """Level AA: 4.5 to 1. https://www.w3.org/TR/WCAG22/#contrast-minimum"""
    darker, lighter = sorted(luminance(tokens(scheme)[name]) for name in (text, ground))

    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_the_front_page_says_what_this_is_and_where_to_go_on(browser):
    html = page(browser, "/")

    assert "person" in html.all("main")[0].text
    assert f'curl "{settings.PUBLIC_URL}/v1/tryon"' in html.all("pre")[0].text
    links = {link.attributes["href"] for link in html.all("a")}
    assert links >= {"/signup", "/docs/quickstart", "/docs/api", "/pricing"}


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("address", "host", "status", "code"),
    [
        ("/nothing-here", "testserver", 404, "not_found"),
        ("/", "evil.example", 400, "bad_request"),
        ("/private", "testserver", 403, "forbidden"),
        ("/broken", "testserver", 500, "internal_error"),
    ],
)
def test_errors_outside_the_api_are_pages_that_say_what_to_do(browser, address, host, status, code):
    response = browser.get(address, headers={"host": host, "X-Request-Id": "request-of-a-test"})

    assert response.status_code == status
    assert response["Content-Type"] == "text/html; charset=utf-8"
    main = parse(response.content.decode()).all("main")[0]
    assert {str(status), code, "request-of-a-test"} <= {element.text for element in main.all()}
    assert main.all("h1")[0].text
    assert "/" in {link.attributes["href"] for link in main.all("a")}


@pytest.mark.urls(__name__)
def test_an_error_page_does_not_tell_what_broke(browser):
    assert b"a bug" not in browser.get("/broken").content


@pytest.mark.parametrize("code", ["service_unavailable", "payload_too_large"])
def test_any_refusal_has_a_page_with_its_message(code):
    refusal = Refusal(code, "What to do, in a <sentence>.")

    main = parse(render_to_string("error.html", {"refusal": refusal, "request_id": "req_1"})).all("main")[0]

    assert refusal.message in main.text
    assert str(refusal.status) in main.text


def test_pages_answer_get_and_head_only(browser):
    for address in ("/", "/docs/api"):
        assert browser.head(address).status_code == 200
        answer = browser.post(address)
        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
        assert parse(answer.content.decode()).all("main")[0].all("h1")[0].text


def test_an_error_page_leads_who_has_logged_in_back_to_the_dashboard(browser):
    browser.cookies[settings.SESSION_COOKIE_NAME] = "whatever"
    links = page(browser, "/nothing-here").all("main")[0].all("a")
    assert links[0].attributes["href"] == "/dashboard/"


@pytest.fixture
def collected(settings, tmp_path: Path) -> Path:
    """A folder for `collectstatic`, with production's way of naming files."""
    backend = "zupertry.core.static_files.CollectedStaticFilesStorage"
    options = {"location": tmp_path, "base_url": "/static/"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend, "OPTIONS": options}}
    return tmp_path


def test_collected_files_are_named_by_what_is_in_them(browser, collected):
    call_command("collectstatic", interactive=False, verbosity=0)

    stylesheet = next(
        link.attributes["href"] for link in page(browser, "/").all("link") if "stylesheet" in link.attributes["rel"]
    )
    assert re.fullmatch(r"/static/css/zupertry\.[0-9a-f]{12}\.css", stylesheet)
    name = stylesheet.removeprefix("/static/")
    assert (collected / name).read_text() == (settings.BASE_DIR / "static/css/zupertry.css").read_text()


def test_pages_work_before_anything_was_collected(browser, collected):
    hrefs = [link.attributes["href"] for link in page(browser, "/").all("link")]

    assert "/static/css/zupertry.css" in hrefs


@pytest.mark.parametrize(("public_url", "sent"), [("https://app.zupertry.com", True), ("http://localhost:8000", False)])
def test_browsers_are_told_to_stay_on_tls_where_the_world_reaches_us_by_it(client, settings, public_url, sent):
    settings.PUBLIC_URL = public_url
    assert ("Strict-Transport-Security" in client.get("/").headers) is sent
