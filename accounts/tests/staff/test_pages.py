"""People, keys, memberships, shelves, mails and the audit log, as staff see them."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.usersessions.models import UserSession
from django.core import mail as mail_box
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import api_keys, mails, team
from accounts.models import ApiKey, AuditEntry, Invitation, Mail, Membership, Mode, Role, User, Workspace
from zupertry.testing.page import Element, parse
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db

MODELS: list[Any] = [User, ApiKey, Membership, Invitation, Workspace, AuditEntry, Mail]
GROUPS = ["Support", "Billing", "Engineering"]


@pytest.fixture
def support() -> Client:
    return staff_client(make_staff("Support"))


@pytest.fixture
def alice(world: World) -> User:
    return User.objects.get(email="alice@example.com")


def address(model: Any, action: str, *args: Any) -> str:
    return reverse(f"admin:accounts_{model._meta.model_name}_{action}", args=args)


def seen(client: Client, url: str, query: dict[str, str] | None = None) -> Element:
    answer = client.get(url, query or {})
    assert answer.status_code == 200, answer
    html = answer.content.decode()
    return parse(html[html.index("<html") :])


def found(client: Client, model: Any, **query: str) -> list[str]:
    """Return the text of each row of a listing."""
    parts = seen(client, address(model, "changelist"), query).all("tbody")
    return [row.text for part in parts for row in part.all("tr")]


def do(client: Client, row: Any, action: str, **fields: Any) -> list[str]:
    """Fill an action's form in, send it, and return what is said then."""
    url = f"{address(row, 'do', action)}?id={row.pk}"
    form = seen(client, url).all("form")[-1]
    token = next(f.attributes["value"] for f in form.all("input") if f.attributes.get("name") == "token")
    page = client.post(url, {"reason": "a ticket", "token": token, **fields}, follow=True).content.decode()
    return [item.text for item in parse(page[page.index("<html") :]).all("ul", class_="messagelist")[0].all("li")]


def furnish(world: World, number: int) -> None:
    """Make one more row of each."""
    organisation = world.organisation
    person = User.objects.create_user(f"guest{number}@example.com")
    Membership.objects.create(user=person, organisation=organisation, role=Role.VIEWER)
    owner = Membership.objects.get(organisation=organisation, role=Role.OWNER)
    team.invite(f"invited{number}@example.com", Role.VIEWER, by=owner)
    Workspace.objects.create(organisation=organisation, name=f"Shelf {number}")
    ApiKey.objects.create(
        organisation=organisation, mode=Mode.TEST, name=f"Key {number}", digest=bytes([number] * 32), last_four="aaaa"
    )


@pytest.mark.parametrize("model", MODELS)
def test_a_listing_takes_the_same_few_queries_for_any_number_of_rows(world: World, support: Client, model) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert support.get(address(model, "changelist")).status_code == 200
        return len(captured)

    furnish(world, 0)
    few = queries()
    for number in range(1, 50):
        furnish(world, number)
    assert queries() == few < 20


@pytest.mark.parametrize("model", MODELS)
def test_the_newest_rows_come_first(world: World, support: Client, model) -> None:
    for number in range(3):
        furnish(world, number)
    rows = support.get(address(model, "changelist")).context["cl"].result_list
    assert [row.pk for row in rows] == list(model.objects.order_by("-pk").values_list("pk", flat=True))


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("model", MODELS)
def test_every_group_sees_every_row_and_changes_none(world: World, group: str, model) -> None:
    furnish(world, 0)
    client = staff_client(make_staff(group))
    row = model.objects.order_by("pk").first()
    assert found(client, model)
    assert client.get(address(model, "csv")).status_code == 200
    detail = address(model, "change", row.pk)
    page = seen(client, detail)
    assert not page.by_id("content-main").all("select", "textarea")
    for url in (detail, address(model, "delete", row.pk), address(model, "add")):
        assert client.post(url, {"post": "yes"}).status_code == 403


def test_no_page_or_file_shows_what_is_secret(world: World) -> None:
    client = staff_client(make_staff(superuser=True))
    furnish(world, 0)
    key, text = api_keys.create(world.organisation, Mode.LIVE, "Shown once", actor="user:1")
    mail = Mail.objects.get(kind="invitation")
    token = mails._secrets(mail)["token"]
    secrets = [text, key.digest.hex(), User.objects.get(email="alice@example.com").password, token, mail.sealed_secrets]
    for model in MODELS:
        urls = [address(model, "changelist"), address(model, "csv")]
        urls += [address(model, "change", pk) for pk in model.objects.values_list("pk", flat=True)]
        for url in urls:
            body = b"".join(client.get(url))
            assert not [secret for secret in secrets if secret.encode() in body], url


TERMS: dict[Any, Callable[[World], dict[str, int]]] = {
    User: lambda world: {"Alice@Example.com": 1, _alice().pk: 1, "alice@": 0, "usr_nonsense": 0},
    Membership: lambda world: {"alice@example.com": 1, _alice().pk: 1, world.alice.org_id: 3, "alice": 0},
    Invitation: lambda world: {"Invited0@example.com": 1, world.alice.org_id: 1, "invited": 0},
    Workspace: lambda world: {world.alice.workspace_id: 1, world.alice.org_id: 2, "Shelf": 0},
    ApiKey: lambda world: {
        world.alice.live_key[-4:]: 1,
        f"zt_live_sk_…{world.alice.live_key[-4:]}": 1,
        f"zt_live_sk_{world.alice.live_key[-4:]}": 1,
        f"zt_test_sk_…{world.alice.live_key[-4:]}": 0,
        ApiKey.objects.get(name="Key 0").pk: 1,
        world.alice.org_id: 3,
        "Key 0": 0,
    },
    Mail: lambda world: {
        "invitation": 1,
        "invited0@Example.com": 1,
        Mail.objects.get().pk: 1,
        Mail.objects.get().reference: 1,
        "@": 0,
        world.alice.org_id: 1,
        "invitations": 0,
    },
}


def _alice() -> User:
    return User.objects.get(email="alice@example.com")


@pytest.mark.parametrize("model", TERMS)
def test_rows_are_found_by_what_is_known_of_them(world: World, support: Client, model) -> None:
    furnish(world, 0)
    terms = TERMS[model](world)
    assert {term: len(found(support, model, q=term)) for term in terms} == terms


def test_listings_can_be_narrowed_to_an_organisation(world: World, support: Client) -> None:
    for model in (ApiKey, Membership, Workspace, AuditEntry):
        for org_id in (world.alice.org_id, world.charlie.org_id):
            rows = found(support, model, organisation=org_id)
            assert len(rows) == model.objects.filter(organisation=org_id).count() > 0
    answer = support.get(address(ApiKey, "changelist"), {"organisation": "nonsense"})
    assert (answer.status_code, answer["Location"].endswith("?e=1")) == (302, True)


def test_states_are_filters(world: World, support: Client) -> None:
    furnish(world, 0)
    assert len(found(support, Invitation, state="open")) == 1
    assert len(found(support, Mail, state="waiting")) == 1
    assert found(support, Mail, state="given-up") == []
    Invitation.objects.update(revoked_at="2026-01-01T00:00Z")
    Mail.objects.update(next_attempt_at=None)
    assert found(support, Invitation, state="open") == []
    assert len(found(support, Mail, state="given-up")) == 1
    assert len(found(support, User, is_staff__exact="1")) == 1


def test_a_key_is_revoked_once_with_a_reason(world: World) -> None:
    client = staff_client(make_staff("Engineering"))
    key = ApiKey.objects.filter(organisation=world.alice.org_id, mode="live").get()
    (said,) = do(client, key, "revoke")
    assert "It is refused from now on" in said
    (said,) = do(client, key, "revoke")
    assert "revoked already" in said
    key.refresh_from_db()
    assert key.status == "revoked"
    entry = AuditEntry.objects.get(action="api_key.revoked")
    assert (entry.subject, entry.reason) == (key.pk, "a ticket")
    assert entry.actor == f"staff:{User.objects.get(email='engineering@zupertry.test').pk}"


def test_a_second_factor_is_reset_and_the_person_told(world: World, support: Client, alice: User) -> None:
    TOTP.activate(alice, generate_totp_secret())
    theirs = Client()
    theirs.force_login(alice)
    UserSession.objects.create(user=alice, session_key=theirs.session.session_key, ip="192.0.2.7", user_agent="x")
    assert theirs.get("/dashboard/account").status_code == 200
    (said,) = do(support, alice, "reset-second-factor")
    assert "1 session(s) ended" in said
    assert not Authenticator.objects.filter(user=alice).exists()
    assert theirs.get("/dashboard/account").status_code == 302
    entry = AuditEntry.objects.get(action="user.second_factor_reset")
    assert (entry.organisation, entry.subject, entry.reason) == (None, alice.pk, "a ticket")
    (told,) = mail_box.outbox
    assert told.to == ["alice@example.com"]
    assert "Our staff removed your second factor" in told.subject
    assert "From:" not in told.body  # the request was staff's
    (said,) = do(support, alice, "reset-second-factor")
    assert "no second factor to remove" in said
    assert len(mail_box.outbox) == 1


def test_staff_do_not_reset_each_others_second_factor(world: World, support: Client) -> None:
    boss = make_staff("Billing")
    (said,) = do(support, boss, "reset-second-factor")
    assert "make_staff --remove" in said
    assert Authenticator.objects.filter(user=boss).exists()
    assert not mail_box.outbox


def test_a_persons_sessions_are_ended(world: World, support: Client, alice: User) -> None:
    theirs = Client()
    theirs.force_login(alice)
    UserSession.objects.create(user=alice, session_key=theirs.session.session_key, ip="192.0.2.7", user_agent="x")
    page = seen(support, address(User, "change", alice.pk))
    assert "192.0.2.7" in page.text
    assert "Alice & Co" in page.text
    (said,) = do(support, alice, "end-sessions")
    assert "1 session(s) ended" in said
    assert theirs.get("/dashboard/account").status_code == 302
    assert AuditEntry.objects.get(action="user.sessions_ended").details == {"sessions": 1}
    (said,) = do(support, alice, "end-sessions")
    assert "no session to end" in said


ALLOWED: dict[tuple[str, Any], set[str]] = {
    ("reset-second-factor", User): {"Support"},
    ("end-sessions", User): {"Support", "Engineering"},
    ("revoke", ApiKey): {"Support", "Engineering"},
}


@pytest.mark.parametrize("group", GROUPS)
def test_the_groups_decide_who_does_what(world: World, group: str) -> None:
    client = staff_client(make_staff(group))
    before = AuditEntry.objects.count()
    for (action, model), groups in ALLOWED.items():
        row = model.objects.order_by("pk").first()
        url = f"{address(model, 'do', action)}?id={row.pk}"
        allowed = group in groups
        assert client.get(url).status_code == (200 if allowed else 403)
        offered = {link.attributes.get("href") for link in seen(client, address(model, "change", row.pk)).all("a")}
        assert (url in offered) is allowed
        if not allowed:
            assert client.post(url, {"reason": "x", "token": "0" * 32}).status_code == 403
    assert AuditEntry.objects.count() == before
