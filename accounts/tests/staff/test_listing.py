"""Listings of staff that stay quick."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, Mail
from accounts.staff import listing
from accounts.staff.listing import BoundedPaginator, period_bounds
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.staff_pages import parsed

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries(world) -> int:
    for _ in range(12):
        AuditEntry.objects.create(organisation=world.organisation, actor="system", action="test.made")
    return AuditEntry.objects.count()


def test_ids_are_whole_in_a_listing_and_the_year_is_marked_only_where_it_is_this_one(world):
    now = timezone.now()
    for kind, at in (("one", now), ("two", now.replace(year=now.year - 1, day=1))):
        Mail.objects.create(organisation=world.organisation, kind=kind, reference=kind, sent_at=at)
    page = parsed(staff_client(make_staff("Support")).get("/admin/accounts/mail/").content.decode())
    body = page.by_id("result_list").all("tbody")[0]
    rows = {row.all("td", class_="field-kind")[0].text: row for row in body.all("tr")}

    shown = rows["one"].all("code", class_="id")[0]
    assert shown.text == shown.attributes["title"] == Mail.objects.get(kind="one").pk
    for kind, marked in (("one", 1), ("two", 0)):
        (sent,) = rows[kind].all("td", class_="field-sent_at")[0].all("time")
        assert sent.text == sent.attributes["title"] == f"{Mail.objects.get(kind=kind).sent_at:%-d %b %Y, %H:%M:%S} UTC"
        assert len(sent.all("span", class_="this-year")) == marked


def test_few_rows_are_counted(entries):
    pages = BoundedPaginator(AuditEntry.objects.order_by("-pk"), 5)
    assert (pages.count, pages.total) == (entries, str(entries))


def test_many_rows_are_paged_through_only_so_far(entries, monkeypatch):
    monkeypatch.setattr(listing, "COUNTED", 10)
    pages = BoundedPaginator(AuditEntry.objects.order_by("-pk"), 5)
    assert (pages.count, pages.num_pages, pages.total) == (10, 2, "more than 10")
    assert len(pages.page(2).object_list) == 5


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2024", datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)),
        ("2024-12", datetime(2024, 12, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_period_ends_where_the_next_one_begins(text, first, after):
    assert period_bounds(text) == (first, after)


@pytest.mark.parametrize("text", ["", "0", "0000", "9999", "2024-13", "2023-02-29", "2024-1-1", "2024-02-29x", "²⁰²⁴"])
def test_what_is_no_period_has_no_bounds(text):
    assert period_bounds(text) is None


@pytest.mark.parametrize("query", ["about=%00", "reason=%00", "organisation=zz", "q=%00", "nonsense=1"])
def test_what_no_filter_can_be_is_told_and_never_an_error_of_ours(query: str) -> None:
    client = staff_client(make_staff("Support"))
    assert client.get(f"/admin/accounts/auditentry/?{query}", follow=True).status_code == 200
    assert client.get(f"/admin/accounts/auditentry/csv/?{query}").status_code == 404
