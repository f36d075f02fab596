"""Pages by keyset: any limit, any cursor, one query."""

from dataclasses import dataclass

import pytest
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.models import Workspace
from zupertry.core.pagination import KeysetPagination


class Shelves(KeysetPagination):
    prefix = "ws"
    rows_name = "shelves"


@dataclass(frozen=True)
class Page:
    rows: list[Workspace]
    next_cursor: str | None


def page(rows, limit, cursor=None, pages=Shelves):
    query = {"limit": limit} | ({} if cursor is None else {"cursor": cursor})
    paginator = pages()
    found = paginator.paginate_queryset(rows, Request(APIRequestFactory().get("/", query)))
    return Page(found, paginator.get_paginated_response([]).data["next_cursor"])


@pytest.fixture
def shelves(world) -> list[str]:
    """Ten workspaces of Alice's, newest first."""
    made = [world.organisation.workspaces.create(name=f"Shelf {number}").id for number in range(9)]
    return [*reversed(made), world.alice.workspace_id]


def all_of(world):
    return Workspace.objects.filter(organisation_id=world.alice.org_id)


@pytest.mark.parametrize("limit", range(1, 12))
def test_pages_of_any_size_join_to_the_whole(world, shelves, limit):
    seen, cursor = [], None
    while True:
        found = page(all_of(world), limit, cursor)
        assert len(found.rows) <= limit
        seen += [row.id for row in found.rows]
        cursor = found.next_cursor
        if cursor is None:
            break
        assert len(found.rows) == limit
    assert seen == shelves


def test_the_last_page_has_no_cursor_even_when_it_is_full(world, shelves):
    assert page(all_of(world), 10).next_cursor is None
    assert page(all_of(world), 9).next_cursor is not None


def test_an_empty_listing_is_one_empty_page(db):
    assert page(Workspace.objects.none(), 5) == Page([], None)


def test_a_row_that_vanished_does_not_spoil_its_cursor(world, shelves):
    found = page(all_of(world), 3)
    Workspace.objects.filter(id=shelves[2]).delete()
    following = page(all_of(world), 3, found.next_cursor)
    assert [row.id for row in following.rows] == shelves[3:6]


def test_a_page_takes_one_query(world, shelves, django_assert_num_queries):
    cursor = page(all_of(world), 3).next_cursor
    with django_assert_num_queries(1):
        page(all_of(world), 3, cursor)


@pytest.mark.parametrize("cursor", ["", "x", "!", "é", "ws_06h0lr6ertpt9aee77b9irmv7c", "d3Nf"])
def test_any_other_text_is_no_cursor(world, cursor):
    with pytest.raises(ValidationError) as refused:
        page(all_of(world), 3, cursor)
    assert list(refused.value.detail) == ["cursor"]


def test_a_cursor_of_another_kind_of_row_is_none(world, shelves):
    class Jobs(KeysetPagination):
        prefix = "job"
        rows_name = "jobs"

    cursor = page(all_of(world), 3).next_cursor
    with pytest.raises(ValidationError):
        page(all_of(world), 3, cursor, pages=Jobs)
