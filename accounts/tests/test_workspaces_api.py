"""`GET /v1/workspaces`."""

import re

import pytest

from accounts import organisations
from accounts.models import Workspace
from zupertry.core import ids
from zupertry.core.api import timestamp
from zupertry.testing.api import ApiClient


@pytest.mark.parametrize("mode", ["live", "test"])
def test_workspaces_are_listed_oldest_first_with_every_field(world, mode):
    second = organisations.create_workspace(world.organisation, "Autumn", actor="user:test")
    answer = ApiClient(getattr(world.alice, f"{mode}_key")).get("/v1/workspaces")
    assert answer.status_code == 200
    assert list(answer.json()) == ["workspaces"]
    first, latest = answer.json()["workspaces"]
    assert first["id"] == world.alice.workspace_id
    assert latest == {
        "id": second.id,
        "name": "Autumn",
        "status": "active",
        "created_at": timestamp(ids.made_at(second.id)),
    }
    assert re.fullmatch(r"ws_[0-9a-v]{26}", second.id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", latest["created_at"])


def test_archived_and_foreign_workspaces_are_not_listed(world):
    archived = organisations.create_workspace(world.organisation, "Spring", actor="user:test")
    Workspace.objects.filter(id=archived.id).update(status=Workspace.Status.ARCHIVED)
    listed = ApiClient(world.alice.live_key).get("/v1/workspaces").json()["workspaces"]
    assert [workspace["id"] for workspace in listed] == [world.alice.workspace_id]


def test_no_active_workspace_is_an_empty_list(world):
    Workspace.objects.update(status=Workspace.Status.ARCHIVED)
    assert ApiClient(world.alice.live_key).get("/v1/workspaces").json() == {"workspaces": []}


@pytest.mark.parametrize("more", [0, 24])
def test_any_number_of_workspaces_takes_one_query_and_the_keys(world, django_assert_max_num_queries, more):
    for number in range(more):
        organisations.create_workspace(world.organisation, f"Shelf {number}", actor="user:test")
    alice = ApiClient(world.alice.live_key)
    alice.get("/v1/account")  # writes down that the key was used
    with django_assert_max_num_queries(2):
        assert len(alice.get("/v1/workspaces").json()["workspaces"]) == more + 1
