"""The pages of workspaces."""

import pytest
from django.urls import reverse

from accounts import organisations
from accounts.models import AuditEntry, Organisation, Workspace
from zupertry.testing.api import ApiClient, refusal
from zupertry.testing.page import Element, parse

LIST = reverse("workspaces:list")


def page(answer, status=200) -> Element:
    assert answer.status_code == status
    return parse(answer.content.decode())


def post(client, what: str, workspace: Workspace, **data: str) -> Element:
    return page(client.post(reverse(f"workspaces:{what}", args=[workspace.id]), data, follow=True))


def actions(workspace: Workspace) -> list[str]:
    return list(AuditEntry.objects.filter(subject=workspace.id).order_by("pk").values_list("action", flat=True))


@pytest.fixture
def first(world, alice: Organisation) -> Workspace:
    return alice.workspaces.get()


def test_a_workspace_is_made_renamed_archived_and_restored(developer, alice):
    html = page(developer.post(LIST, {"name": " Summer "}, follow=True))
    assert "“Summer” is made" in html.text
    assert "2 of 25 are made" in html.text
    made = alice.workspaces.get(name="Summer")
    assert "“Autumn” now" in post(developer, "rename", made, name="Autumn").text
    assert "is archived" in post(developer, "archive", made).text
    assert Workspace.objects.get(pk=made.pk).status == "archived"
    assert "takes jobs again" in post(developer, "restore", made).text
    assert Workspace.objects.get(pk=made.pk).name == "Autumn"
    assert actions(made) == [f"workspace.{what}" for what in ("created", "renamed", "archived", "restored")]


def test_what_changes_nothing_is_not_written_down(owner, first):
    post(owner, "rename", first, name=first.name)
    post(owner, "restore", first)
    assert actions(first) == ["workspace.created"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_a_name_is_needed_and_has_an_end(owner, first, name):
    assert page(owner.post(LIST, {"name": name}), 422).by_id("id_name_error").text
    rename = reverse("workspaces:rename", args=[first.id])
    assert page(owner.post(rename, {"name": name}), 422).by_id("id_name_error").text


def test_the_26th_is_refused_in_words_archived_ones_among_them(owner, alice, first):
    for number in range(24):
        organisations.create_workspace(alice, f"{number}", actor="system")
    organisations.archive_workspace(first, actor="system")
    assert "There are 25 workspaces already" in page(owner.get(LIST)).text
    assert (
        "There are 25 workspaces already" in page(owner.post(LIST, {"name": "Z"}), 429).all("div", class_="bad")[0].text
    )


def test_the_last_active_one_may_be_archived_after_a_warning_and_submits_say_so(owner, first, world):
    ask = reverse("workspaces:archive", args=[first.id])
    assert "Every try-on is refused" in page(owner.get(ask)).text
    assert Workspace.objects.get(pk=first.pk).status == "active"

    assert "No workspace is active" in post(owner, "archive", first).text

    refusal(ApiClient(world.alice.test_key).submit(), 404, "workspace_not_found")
    post(owner, "restore", first)
    assert ApiClient(world.alice.test_key).submit().status_code == 202


def test_the_oldest_active_one_is_named_as_the_default(owner, alice, first):
    organisations.create_workspace(alice, "Second", actor="system")
    assert "Second" in page(owner.get(reverse("workspaces:archive", args=[first.id]))).all("p", class_="soft")[0].text
    organisations.archive_workspace(first, actor="system")
    html = page(owner.get(LIST))
    assert [item.text for item in html.all("p", class_="item-name") if item.all(class_="accent")] == ["Second Default"]


def test_the_list_takes_as_many_queries_for_one_as_for_all(owner, alice, first, django_assert_num_queries):
    with django_assert_num_queries(4):  # session, user, memberships, workspaces
        owner.get(LIST)
    for number in range(24):
        organisations.create_workspace(alice, f"{number}", actor="system")
    with django_assert_num_queries(4):
        owner.get(LIST)
