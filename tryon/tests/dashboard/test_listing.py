"""The list of jobs: grid, table, filters, pages."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.dashboard.listings import ROWS
from accounts.models import Mode, Workspace
from tryon import jobs
from tryon.failures import failure
from tryon.models import Job
from tryon.tests.dashboard.conftest import made
from zupertry.core import ids
from zupertry.testing.jobs import claimed, submitted
from zupertry.testing.page import Element, parse

JOBS = reverse("tryon:jobs")
VIEWS = ["", "view=table"]


def page(client, query: str = "") -> Element:
    answer = client.get(f"{JOBS}?{query}")
    assert answer.status_code == 200
    return parse(answer.content.decode())


def shown(html: Element) -> list[str]:
    """The ids of the jobs that the page links to, in its order."""
    links = (link.attributes["href"] for link in html.all("a"))
    return [href.removeprefix(f"{JOBS}/") for href in links if href.startswith(f"{JOBS}/job_")]


def made_at(organisation, moment: datetime) -> str:
    job = Job(
        id=ids.encode("job", ids.first_at(moment)),
        organisation=organisation,
        workspace=organisation.workspaces.get(),
        mode="test",
        actor="system",
        woken_at=moment,
    )
    job.save(force_insert=True)
    return job.id


def test_before_there_are_any_it_says_what_to_do(developer):
    html = page(developer)
    assert "No try-on yet" in html.text
    assert [a for a in html.all("a", class_="button") if a.attributes["href"] == reverse("tryon:playground")]


@pytest.mark.parametrize("view", VIEWS)
def test_jobs_are_walked_through_newest_first_each_once(developer, alice, view):
    all_ = [submitted(alice, Mode.TEST).id for _ in range(ROWS + 2)]

    first = page(developer, view)
    older = next(link.attributes["href"] for link in first.all("a") if link.text == "Older")
    second = parse(developer.get(older).content.decode())

    assert shown(first) + shown(second) == all_[::-1]
    assert bool(second.all("table")) == (view == "view=table"), "the view stays"


@pytest.mark.parametrize("view", VIEWS)
def test_a_listing_takes_as_many_queries_for_many_rows_as_for_one(developer, alice, view):
    made(alice)
    with CaptureQueriesContext(connection) as for_one:
        page(developer, view)
    for number in range(ROWS):
        workspace = Workspace.objects.create(organisation=alice, name=f"Shelf {number}")
        submitted(alice, workspace_id=workspace.id)

    with CaptureQueriesContext(connection) as for_many:
        page(developer, view)

    assert len(for_many) == len(for_one) <= 6


def test_filters_find_by_status_mode_workspace_reference_and_id(developer, alice):
    other = Workspace.objects.create(organisation=alice, name="Autumn")
    live = made(alice, client_reference_id="look-1")
    test = submitted(alice, Mode.TEST, workspace_id=other.id)

    assert shown(page(developer, "status=completed")) == [live.id]
    assert shown(page(developer, "mode=test")) == [test.id]
    assert shown(page(developer, f"workspace={other.id}")) == [test.id]
    assert shown(page(developer, "reference=look-1")) == [live.id]
    assert shown(page(developer, f"job=+{test.id}+")) == [test.id]
    assert shown(page(developer, f"job={test.id}&mode=live")) == []
    assert "No job fits these filters" in page(developer, "reference=nothing").text


def test_days_are_utcs_and_both_included(developer, alice):
    day = datetime(2020, 5, 17, tzinfo=UTC)
    moments = (-timedelta(milliseconds=1), timedelta(0), timedelta(days=1, milliseconds=-1), timedelta(days=1))
    before, first, last, after = (made_at(alice, day + moment) for moment in moments)

    assert shown(page(developer, "since=2020-05-17&until=2020-05-17")) == [last, first]
    assert shown(page(developer, "until=2020-05-16")) == [before]
    assert shown(page(developer, "since=2020-05-18")) == [after]


@pytest.mark.parametrize(
    "query", ["status=lost", "mode=free", "workspace=ws_1", "since=yesterday", "until=2020-13-01", "job=1"]
)
def test_a_filter_that_cannot_be_read_is_said_beside_it_and_filters_nothing(developer, alice, query):
    job = submitted(alice)
    html = page(developer, query)
    assert html.by_id(f"id_{query.partition('=')[0]}_error").text
    assert shown(html) == [job.id]


def titles(html: Element) -> list[str]:
    return [name.text for name in html.all(class_="job-card-name")]


def notes(html: Element) -> list[str]:
    return [note.text for note in html.all(class_="job-card-note")]


def test_a_card_is_titled_by_the_reference_or_by_the_end_of_the_id(developer, alice):
    plain, named = submitted(alice), submitted(alice, client_reference_id="look-1")

    html = page(developer)

    assert titles(html) == ["look-1", f"job_…{plain.id[-8:]}"]
    assert shown(html) == [named.id, plain.id]
    assert notes(html) == []


def test_the_workspace_is_named_where_there_are_several(developer, alice):
    submitted(alice)
    other = Workspace.objects.create(organisation=alice, name="Autumn")
    submitted(alice, workspace_id=other.id)
    assert notes(page(developer)) == ["Autumn", "Default"]


def test_times_say_that_they_are_utcs(developer, alice):
    submitted(alice)
    assert "Times are UTC." in page(developer).text
    assert page(developer, "view=table").all("th")[0].text == "Submitted (UTC)"


def test_thumbnails_are_of_our_own_origin_and_can_be_loaded(developer, alice):
    made(alice)
    source = page(developer).all("img", class_="thumb")[0].attributes["src"]
    assert source.startswith("/files/")
    answer = developer.get(source)
    assert answer["Content-Type"] == "image/webp"
    assert len(b"".join(answer.streaming_content)) < 20_000


@pytest.mark.parametrize("view", VIEWS)
def test_a_job_without_pictures_has_no_broken_image(developer, alice, view):
    submitted(alice)
    jobs.fail(claimed(alice), failure("person_not_found"))
    html = page(developer, view)
    assert not html.all("img")
    assert not html.all(class_="job-card-error"), "the code stands where the picture would be"
    assert "Failed" in html.text
    assert html.all(class_="thumb")[0].text == "person_not_found"


def test_why_a_job_failed_stands_on_the_picture_of_the_person(developer, alice):
    job = made(alice)
    Job.objects.filter(pk=job.pk).update(status="failed", error_code="engine_timeout")
    html = page(developer)
    assert html.all("img", class_="dim")
    assert html.all(class_="job-card-error")[0].text == "engine_timeout"


def test_a_reference_that_looks_like_html_stays_text(developer, alice):
    submitted(alice, client_reference_id="<script>alert(1)</script>")
    assert "<script>alert" not in developer.get(JOBS).content.decode()
    assert "<script>alert(1)</script>" in page(developer).text
