"""Every page of developers, workspaces, team and audit log, for everyone."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import team
from accounts.dashboard import urls
from accounts.dashboard.access import AREAS
from accounts.models import ApiKey, Membership, Organisation, Role, User, Workspace
from accounts.webhooks import outbox
from zupertry.testing.page import parse

READ = {
    "developer": ["developers:keys", "developers:new-key", "developers:webhooks", "developers:deliveries"],
    "workspace": ["workspaces:list"],
    "team": ["team:team"],
    "audit": ["audit:log", "audit:csv"],
}
DO = {"developer": [f"developers:{name}" for name in ("rotate", "finish-rotation", "send-test", "replay-all")]}
ABOUT_ONE = {
    "key": ["developers:disable-key", "developers:enable-key", "developers:revoke-key"],
    "delivery": ["developers:delivery", "developers:delivery-state", "developers:replay"],
    "workspace": ["workspaces:rename", "workspaces:archive", "workspaces:restore"],
    "member": ["team:member", "team:remove", "team:transfer"],
    "invitation": ["team:resend", "team:revoke-invitation"],
}
AREA = {"key": "developer", "delivery": "developer", "workspace": "workspace", "member": "team", "invitation": "team"}
READ_ONLY = {"developers:delivery", "developers:delivery-state"}


@pytest.fixture
def own(alice) -> dict[str, str]:
    """The id of one thing of each kind of Alice's organisation."""
    by = Membership.objects.select_related("organisation").get(user__email="alice@example.com")
    return {
        "key": alice.api_keys.get(mode="live").id,
        "delivery": outbox.record(alice.id, "job.failed", "job_1", {}, output_name="", url="https://a.example/").id,
        "workspace": alice.workspaces.get().id,
        "member": User.objects.get(email="bob@example.com").id,
        "invitation": team.invite("dora@example.com", Role.VIEWER, by=by).id,
    }


def addresses(own: dict[str, str]) -> list[tuple[str, str, str]]:
    """Each route: its area, the method it answers, the address for Alice's own things."""
    plain = [(area, "get", reverse(name)) for area, names in READ.items() for name in names]
    plain += [(area, "post", reverse(name)) for area, names in DO.items() for name in names]
    return plain + [(AREA[kind], verb, address) for kind, verb, address in about_one(own)]


def about_one(own: dict[str, str]) -> list[tuple[str, str, str]]:
    return [
        (kind, "get" if name in READ_ONLY else "post", reverse(name, args=[own[kind]]))
        for kind, names in ABOUT_ONE.items()
        for name in names
    ]


def test_every_route_is_in_the_tables_above():
    listed = {name for table in (READ, DO, ABOUT_ONE) for names in table.values() for name in names}
    groups = {"developers": urls.developers, "workspaces": urls.shelves, "team": urls.people, "audit": urls.log}
    assert {f"{group}:{route.name}" for group, routes in groups.items() for route in routes} == listed


def test_strangers_are_led_to_the_login(client, own):
    for _, verb, address in addresses(own):
        answer = getattr(client, verb)(address)
        assert (answer.status_code, answer["Location"][:12]) == (302, "/login?next="), address
    assert client.get(reverse("leave")).status_code == 302


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_its_own_areas_and_no_way_to_others(alice, own, member, role):
    client = member(alice, role)
    home = client.get("/dashboard/").content.decode()
    for area, verb, address in addresses(own):
        if role in AREAS[area]:
            if verb == "get":
                assert client.get(address).status_code == 200, address
            continue
        assert getattr(client, verb)(address).status_code == 403, address
        assert f'"{address}"' not in home
    assert client.get(reverse("leave")).status_code == 200


def test_who_may_not_see_a_page_is_told_whom_to_ask(alice, charlie, member):
    """Not everybody sees the team. An owner of another organisation, or one who was switched off, is nobody to ask."""
    for address, name, active in [("dora@example.com", "Dora <Day>", True), ("gone@example.com", "", False)]:
        owner = User.objects.create_user(address, name=name, is_active=active)
        Membership.objects.create(user=owner, organisation=alice, role=Role.OWNER)
    answer = member(alice, Role.DEVELOPER).get(reverse("team:team"))
    assert answer.status_code == 403
    main = parse(answer.content.decode()).all("main")[0]
    said = " ".join(main.text.split())
    assert "Ask an owner if you need them: alice@example.com; Dora <Day>, dora@example.com." in said
    links = [link.attributes["href"] for link in main.all("a")]
    assert links[:2] == ["mailto:alice@example.com", "mailto:dora@example.com"]


def test_what_is_another_organisations_does_not_exist_and_does_not_change(alice, charlie, own):
    for _, verb, address in about_one(own):
        assert getattr(charlie, verb)(address).status_code == 404, address
        if verb == "post":
            assert charlie.get(address).status_code in {404, 405}, address
    assert ApiKey.objects.get(pk=own["key"]).status == "active"
    assert Workspace.objects.get(pk=own["workspace"]).status == "active"
    assert alice.memberships.count() == 2
    assert team.open_invitations(alice).count() == 1


def test_lists_show_nothing_of_another_organisation(charlie, own):
    for names in READ.values():
        for name in names:
            answer = charlie.get(reverse(name))
            text = (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()
            assert not [id_ for id_ in own.values() if id_ in text], name


@pytest.mark.parametrize("id_", ["nonsense", "1", "%00", "usr_" + "0" * 26, "key_" + "0" * 26 + "'"])
def test_what_is_no_id_does_not_exist(owner, own, id_):
    for names in ABOUT_ONE.values():
        for name in names:
            assert owner.post(reverse(name, args=["X"]).replace("X", id_)).status_code in {404, 405}, name


def test_a_suspended_organisation_still_manages_itself(owner, alice, own):
    Organisation.objects.filter(pk=alice.pk).update(suspended_at=timezone.now())
    html = parse(owner.get(reverse("developers:keys")).content.decode())
    assert "This organisation is suspended." in html.text
