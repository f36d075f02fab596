"""All pages about jobs alike: valid, nothing inline or foreign, every field labelled."""

import itertools

import pytest
from django.conf import settings
from django.urls import reverse

from tryon import jobs
from tryon.failures import failure
from tryon.models import Job
from tryon.tests.dashboard.conftest import made
from zupertry.testing.jobs import claimed, submitted
from zupertry.testing.page import parse

UNLABELLED = {"hidden", "radio", "checkbox", "range"}


def failed(organisation) -> Job:
    job = claimed(organisation)
    jobs.fail(job, failure("person_not_found"))
    return job


def refunded(organisation) -> Job:
    job = made(organisation)
    jobs.refund(job, actor="staff:1", reason="broken")
    return job


def cancelled(organisation) -> Job:
    job = submitted(organisation)
    jobs.cancel(job, actor="user:1")
    return job


@pytest.mark.parametrize("make", [submitted, claimed, made, failed, refunded, cancelled])
def test_every_page_is_valid_html_with_nothing_inline_or_foreign(developer, alice, make):
    job = make(alice, metadata={"sku": "1"}) if make in {submitted, claimed, made} else make(alice)
    check(developer.get(reverse("tryon:job", args=[job.id])))
    check(developer.get(f"{reverse('tryon:playground')}?job={job.id}"))
    check(developer.get(reverse("tryon:jobs")))
    check(developer.get(f"{reverse('tryon:jobs')}?view=table"))


def test_the_first_pages_and_the_question_are_valid(developer, alice):
    check(developer.get(reverse("tryon:jobs")))
    check(developer.get(reverse("tryon:playground")))
    check(developer.get(reverse("tryon:delete-pictures", args=[made(alice).id])))


def check(answer) -> None:
    assert answer.status_code == 200
    html = parse(answer.content.decode())
    assert "'unsafe" not in answer["Content-Security-Policy"]
    assert len(html.all("main")) == len(html.all("h1")) == 1
    found = [element.attributes["id"] for element in html.all() if "id" in element.attributes]
    assert len(found) == len(set(found))
    levels = [int(heading.tag[1]) for heading in html.all("h1", "h2", "h3", "h4")]
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))
    names = {name for element in html.all() for name in element.attributes}
    assert "style" not in names
    assert not [name for name in names if name.startswith("on")]
    for element in html.all("script", "img"):
        assert element.attributes["src"].startswith(("/static/", "/files/"))
    controls = {label.attributes["for"] for label in html.all("label") if "for" in label.attributes}
    for control in html.all("input", "select", "textarea"):
        assert control.attributes.get("id") in controls or control.attributes.get("type") in UNLABELLED


def test_the_stylesheet_loads_nothing_from_elsewhere():
    css = (settings.BASE_DIR / "static/css/jobs.css").read_text()
    assert "url(" not in css
    assert "@import" not in css
