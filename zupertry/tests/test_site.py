"""The documentation: what its pages say comes from the code, as HTML and as Markdown."""

import json
import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from accounts.dashboard.access import AREAS
from accounts.models import DEFAULT_RATE_LIMIT
from billing.models import LedgerEntry
from tryon.failures import MESSAGES
from zupertry.core.code_samples import Sample
from zupertry.core.errors import STATUS
from zupertry.core.schema import api_schema
from zupertry.docs.conventions import SNIPPETS
from zupertry.docs.markdown import document, fences
from zupertry.docs.roles import RIGHTS
from zupertry.docs.site import SLUGS, TEXTS, pages
from zupertry.testing.page import Element, parse

SELF_EXPLAINED = {"/v1/openapi.json"}
"""What needs no guide."""


def page(slug: str) -> Element:
    return parse(Client().get(f"/docs/{slug}").content.decode()).all("main")[0]


def rows(element: Element) -> list[list[str]]:
    return [[cell.text for cell in row.all("td")] for row in element.all("tr") if row.all("td")]


def test_pages_are_made_once_however_often_they_are_read(made_anew):
    for path in ("/docs/quickstart", "/docs/webhooks", "/docs/jobs.md", "/llms.txt"):
        assert Client().get(path).status_code == 200
    assert pages.cache_info().misses == 1


def test_every_text_is_a_page():
    assert {path.stem for path in TEXTS.glob("*.md")} == set(SLUGS)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_page_is_also_there_as_markdown(slug):
    answer = Client().get(f"/docs/{slug}.md")

    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    text = answer.content.decode()
    assert text.startswith(f"# {page(slug).all('h1')[0].text}\n")
    assert not re.search(r"{[{%]|[}%]}(?!')", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def test_the_pages_follow_each_other_to_the_reference():
    address, read = "/docs/quickstart", []
    while address != "/docs/api":
        read.append(address.removeprefix("/docs/"))
        [onwards] = [link for link in page(read[-1]).all("a") if link.attributes.get("rel") == "next"]
        address = onwards.attributes["href"]
    assert tuple(read) == SLUGS


@pytest.mark.parametrize("address", ["/docs/nothing", "/docs/nothing.md"])
def test_there_is_no_other_page(address):
    assert Client().get(address).status_code == 404


def test_the_way_in_is_the_first_page():
    assert Client().get("/docs")["Location"] == "/docs/quickstart"


def test_what_each_role_may_is_what_its_pages_let_it():
    table = rows(page("team-and-roles"))
    assert set(AREAS) == {area for _, area in RIGHTS if area}, "each area of the dashboard is in the table"
    assert ["API keys, webhooks and their log", "✓", "✓", "✓", "", ""] in table
    assert ["Export and delete the organisation", "✓", "", "", "", ""] in table


@pytest.fixture
def made_anew():
    """The pages are made once in a process: make them again for this test, and after it."""
    pages.cache_clear()
    yield
    pages.cache_clear()


def test_the_retry_schedule_is_that_of_the_setting(made_anew, settings):
    settings.WEBHOOK_RETRY_SCHEDULE = [7, 60]

    assert rows(page("webhooks"))[-3:] == [["1", "at once", ""], ["2", "7 s", "7 s"], ["3", "1 min", "1 min 7 s"]]


def test_every_error_is_told_and_so_is_every_failure():
    told = rows(page("errors"))

    assert {(int(status), code) for status, code, _ in told[-len(STATUS) - len(MESSAGES) : -len(MESSAGES)]} == {
        (status, code) for code, status in STATUS.items()
    }
    assert {(code, message) for code, message, _ in told[-len(MESSAGES) :]} == set(MESSAGES.items())


def test_every_kind_of_ledger_entry_is_told_beside_what_is_asked_for_it():
    told = page("try-on")
    kinds = [row[0] for row in rows(told)][-len(LedgerEntry.Kind) :]
    assert kinds == list(LedgerEntry.Kind)
    for path in ("/v1/credits", "/v1/ledger"):
        assert path in told.text


@pytest.mark.parametrize("path", [path for path in api_schema()["paths"] if path not in SELF_EXPLAINED])
def test_every_address_of_the_api_is_in_a_guide(path):
    named = path.replace("{job_id}", "$JOB_ID")
    assert any(named in known.text or path in known.text for known in pages()), path


def test_limits_are_those_of_the_code():
    assert str(DEFAULT_RATE_LIMIT) in page("rate-limits").all("p")[0].text


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (0, "until the job has ended."),
        (1, "for 1 hour after the job has ended."),
        (24, "for 24 hours after the job has ended."),
    ],
)
def test_how_long_pictures_are_kept_is_that_of_the_settings(made_anew, settings, hours, words):
    settings.RETENTION_INPUT, settings.RETENTION_OUTPUT = timedelta(hours=hours), timedelta(days=9)

    told = page("jobs").text
    assert f"they are kept {words}" in told
    assert "kept for 9 days, until output_expires_at, and then deleted." in told
    assert ["A result is kept", "for 9 days after the job has ended"] in rows(page("rate-limits"))
    reference = parse(Client().get("/docs/api").content.decode()).by_id("pictures").text
    assert "kept for 9 days" in reference
    assert words in reference


def test_the_programs_that_verify_are_the_tested_ones():
    shown = {code.text.rstrip() for code in page("webhooks").all("code")}

    assert {program.read_text().rstrip() for program in SNIPPETS.glob("verify_webhook.*")} <= shown


def test_a_sample_in_several_languages_is_tabs_and_its_code_is_escaped():
    samples = [Sample("Python", "python", 'if 1 < 2: "<b>"'), Sample("Ruby", "ruby", "end")]

    html = document(f"# One\n\nTwo <i>three</i>.\n\n## Four. Five\n\n{fences(samples)}\n")

    root = parse(f"<main>{html.html}</main>")
    assert (html.title, html.summary) == ("One", "Two <i>three</i>.")
    assert [(section.id, section.title) for section in html.sections] == [("four-five", "Four. Five")]
    assert [label.text for label in root.all("label")] == ["Python", "Ruby"]
    assert root.all("code")[0].text == 'if 1 < 2: "<b>"'
    assert not root.all("i", "b")


def test_language_models_find_every_page_as_markdown():
    text = Client().get("/llms.txt").content.decode()

    assert text.startswith("# Zupertry\n\n> ")
    addresses = re.findall(r"\]\((.+?)\)", text)
    assert {f"{settings.PUBLIC_URL}/docs/{slug}.md" for slug in SLUGS} <= set(addresses)
    assert json.loads(Client().get("/v1/openapi.json").content)["info"]
    assert f"{settings.PUBLIC_URL}/v1/openapi.json" in addresses


def test_crawlers_find_every_page_and_are_kept_from_pictures():
    robots = Client().get("/robots.txt").content.decode()
    sitemap = Client().get("/sitemap.xml").content.decode()

    assert "Disallow: /files/" in robots
    assert f"Sitemap: {settings.PUBLIC_URL}/sitemap.xml" in robots
    assert {f"{settings.PUBLIC_URL}/docs/{slug}" for slug in SLUGS} <= set(re.findall("<loc>(.+?)</loc>", sitemap))
