"""The page of usage: days, filters, figures, tables, CSV."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Mode, Organisation, Role, Workspace
from tryon import jobs
from tryon.failures import failure
from tryon.models import Job
from tryon.templatetags.figures import NONE, lasting, percent, took
from tryon.tests.dashboard.conftest import made
from tryon.tests.dashboard.test_pages import check
from zupertry.core import ids
from zupertry.testing.jobs import claimed, completed, submitted
from zupertry.testing.page import Element, parse

HERE, CSV = reverse("tryon:usage"), reverse("tryon:usage-csv")


def page(client, query: str = "") -> Element:
    answer = client.get(f"{HERE}?{query}")
    assert answer.status_code == 200
    return parse(answer.content.decode())


def tiles(html: Element) -> dict[str, str]:
    return {tile.all("dt")[0].text: tile.all("dd")[0].text for tile in html.all("div", class_="tile")}


def rows(html: Element, table: str) -> list[str]:
    return [" ".join(row.text.split()) for row in html.by_id(table).all("tbody")[0].all("tr")]


def lines(client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"{CSV}?{query}")
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_figures_charts_and_tables_say_the_same(developer, alice):
    completed(alice)
    completed(alice, Mode.TEST)
    jobs.fail(claimed(alice), failure("person_not_found"))

    html = page(developer)

    assert "Live jobs, " in html.text
    shown = tiles(html)
    assert (shown["Jobs"], shown["Success rate"], shown["Credits spent"]) == ("2", "50\xa0%", "1")
    assert len(rows(html, "jobs-by-day")) == 30
    today = html.by_id("jobs-by-day").all("tbody")[0].all("tr")[-1]
    assert today.all("time")[0].attributes["datetime"] == f"{timezone.now():%Y-%m-%d}"
    assert [cell.attributes.get("data-value") for cell in today.all("td")] == ["1", "1", "0", "0", None, None]
    assert html.by_id("credits-by-day").all("td")[-1].attributes["data-value"] == "1"
    charts = {chart.attributes["data-table"] for chart in html.all(class_="chart")}
    assert charts == {"jobs-by-day", "credits-by-day", "time-by-day"}
    assert "days of UTC" in html.text


def test_before_there_are_any_it_says_so_and_loads_no_charts(developer):
    html = page(developer)
    assert "No job was submitted in these days" in html.text
    assert not html.all("table")
    assert not [script for script in html.all("script") if "uPlot" in script.attributes["src"]]
    assert "No job fits these filters" in page(developer, "mode=live").text


def chosen_mode(html: Element) -> str:
    return next(option.text for option in html.by_id("id_mode").all("option") if "selected" in option.attributes)


def test_live_jobs_alone_are_counted_until_test_jobs_are_asked_for(developer, alice):
    completed(alice)
    jobs.fail(claimed(alice, Mode.TEST), failure("person_not_found"))

    for query, mode, count in (("", "Live", "1"), ("mode=test", "Test", "1"), ("mode=all", "Test and live", "2")):
        html = page(developer, query)
        assert (chosen_mode(html), tiles(html)["Jobs"]) == (mode, count)
        assert f"{mode} jobs, " in html.text
        assert lines(developer, query)[-1]["jobs"] == count
    assert tiles(page(developer))["Success rate"] == "100\xa0%"


def test_test_jobs_are_shown_as_such_as_long_as_there_are_no_others(developer, alice):
    completed(alice, Mode.TEST)

    html = page(developer)

    assert (chosen_mode(html), tiles(html)["Jobs"], lines(developer)[-1]["jobs"]) == ("Test", "1", "1")
    assert "There are no live jobs yet." in html.text


def test_days_with_test_jobs_alone_lead_to_them(developer, alice):
    Job.objects.filter(pk=submitted(alice).pk).update(
        id=ids.encode("job", ids.first_at(datetime(2020, 5, 17, tzinfo=UTC)))
    )
    submitted(alice, Mode.TEST)

    empty = page(developer, "days=7").all(class_="empty")[0]

    assert "No live job was submitted in these days" in empty.text
    [link] = [a.attributes["href"] for a in empty.all("a") if a.text == "Show test jobs, too"]
    assert link == f"{HERE}?days=7&mode=all"
    assert tiles(page(developer, link.partition("?")[2]))["Jobs"] == "1"


def test_days_are_the_last_30_or_as_many_as_chosen(developer, alice):
    submitted(alice)
    assert len(rows(page(developer), "jobs-by-day")) == 30
    for days in ("7", "90"):
        html = page(developer, f"days={days}")
        assert len(rows(html, "jobs-by-day")) == int(days)
        assert [a.text for a in html.all("a") if a.attributes.get("aria-current") == "true"] == [f"{days} days"]


def test_days_from_to_are_both_included(developer, alice):
    submitted(alice)
    today = timezone.now().date()
    html = page(developer, f"since={today - timedelta(days=4)}&until={today}")
    assert len(rows(html, "jobs-by-day")) == 5
    assert tiles(page(developer, f"since={today}"))["Jobs"] == "1"
    assert not page(developer, f"until={today - timedelta(days=1)}").all("table")


def test_links_to_other_days_keep_workspace_and_mode(developer, alice):
    shelf = Workspace.objects.create(organisation=alice, name="Kids")
    completed(alice, workspace_id=shelf.id)
    completed(alice, Mode.TEST)

    html = page(developer, f"workspace={shelf.id}&mode=live&days=7")

    assert tiles(html)["Jobs"] == "1"
    links = [a.attributes["href"] for a in html.all("a")]
    assert f"{HERE}?days=90&workspace={shelf.id}&mode=live" in links
    assert f"{CSV}?days=7&workspace={shelf.id}&mode=live" in links
    assert [f.attributes["value"] for f in html.all("input") if f.attributes.get("name") == "days"] == ["7"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=yesterday", "since"),
        ("until=2020-13-01", "until"),
        ("until=0001-01-01", "until"),
        ("since=2026-03-02&until=2026-03-01", "since"),
        ("since=2024-01-01&until=2026-03-01", "since"),
        ("since=2024-01-01&until=9999-12-31", "since"),
        ("mode=free", "mode"),
        ("workspace=ws_1", "workspace"),
    ],
)
def test_what_cannot_be_read_is_said_beside_it_and_never_breaks_the_page(developer, alice, query, field):
    submitted(alice)
    assert page(developer, query).by_id(f"id_{field}_error").text
    assert len(lines(developer, query)) <= 366


def test_the_csv_has_a_line_for_each_day_and_takes_the_filters(developer, alice):
    completed(alice)
    jobs.fail(claimed(alice, Mode.TEST), failure("person_not_found"))

    *before, today = lines(developer, "days=7")

    assert len(before) == 6
    assert {line["jobs"] for line in before} == {"0"}
    assert (before[0]["success_rate"], before[0]["median_seconds"]) == ("", "")
    assert today["day_utc"] == f"{datetime.now(UTC):%Y-%m-%d}"
    assert (today["jobs"], today["completed"], today["failed"], today["credits_spent"]) == ("1", "1", "0", "1")
    assert today["success_rate"] == "1.0"
    assert lines(developer, "days=7&mode=all")[-1]["success_rate"] == "0.5"
    assert lines(developer, "days=7&mode=test")[-1]["completed"] == "0"


@pytest.mark.parametrize("role", Role)
def test_everybody_of_the_organisation_sees_usage(alice, member, role):
    completed(alice)
    client = member(alice, role)
    assert tiles(page(client))["Jobs"] == "1"
    assert lines(client)[-1]["jobs"] == "1"


def test_nobody_else_does(client, world, alice, member):
    shelf = Workspace.objects.create(organisation=alice, name="Kids")
    completed(alice, workspace_id=shelf.id)
    charlie = member(Organisation.objects.get(pk=world.charlie.org_id), Role.OWNER)

    assert client.get(HERE)["Location"].startswith("/login?next=")
    html = page(charlie)
    assert "No job was submitted" in html.text
    assert "Kids" not in html.text
    assert page(charlie, f"workspace={shelf.id}").by_id("id_workspace_error").text
    assert {line["jobs"] for line in lines(charlie, f"workspace={shelf.id}")} == {"0"}


def test_the_page_takes_as_many_queries_for_many_jobs_as_for_one(developer, alice):
    completed(alice)
    with CaptureQueriesContext(connection) as for_one:
        page(developer)
    for number in range(49):
        shelf = Workspace.objects.create(organisation=alice, name=f"Shelf {number}")
        submitted(alice, workspace_id=shelf.id)

    with CaptureQueriesContext(connection) as for_many:
        page(developer)

    assert len(for_many) == len(for_one) == 7  # session, user, memberships; workspaces; in all, by day, by workspace


def test_the_page_is_valid_with_and_without_jobs(developer, alice):
    check(developer.get(HERE))
    made(alice)
    check(developer.get(HERE))


@pytest.mark.parametrize(
    ("share", "words"), [(None, NONE), (0, "0\xa0%"), (0.99999, "99.9\xa0%"), (1, "100\xa0%"), (2 / 3, "66.7\xa0%")]
)
def test_shares_in_words(share, words):
    assert percent(share) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, NONE), (0.84, "840\xa0ms"), (0.9999, "1.0\xa0s"), (12.34, "12.3\xa0s"), (125, "2\xa0min\xa05\xa0s")],
)
def test_times_in_words(seconds, words):
    assert lasting(None if seconds is None else timedelta(seconds=seconds)) == words
    assert took(None if seconds is None else round(seconds * 1000)) == words
