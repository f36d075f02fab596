"""Listings of staff that stay quick."""

from datetime import UTC, datetime

import pytest

from accounts.models import AuditEntry
from accounts.staff import listing
from accounts.staff.listing import BoundedPaginator, period_bounds
from zupertry.testing.staff import make_staff, staff_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries(world) -> int:
    for _ in range(12):
        AuditEntry.objects.create(organisation=world.organisation, actor="system", action="test.made")
    return AuditEntry.objects.count()


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
