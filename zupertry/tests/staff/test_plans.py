"""How PostgreSQL answers what staff search and filter: by an index, never by a look through a table.

The tables have rows enough that the planner decides as it would with a million: nothing is switched off for it.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiKey, Invitation, Mail, User, Workspace
from zupertry.testing.plans import plan_of
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.world import World

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite reads a laptop's tables through"),
]

ROWS = 12_000
BIG = {
    *("accounts_organisation", "accounts_user", "accounts_membership", "accounts_apikey", "accounts_workspace"),
    *("accounts_auditentry", "accounts_mail", "accounts_invitation", "billing_creditaccount"),
}
OF_AN_ORGANISATION = ("membership", "invitation", "workspace", "apikey", "auditentry", "mail")
FILL = """
CREATE TEMP TABLE made ON COMMIT DROP AS SELECT n, gen_random_uuid() AS id FROM generate_series(1, {rows}) AS n;
INSERT INTO accounts_organisation (id, created_at, name, region, country, plan, rate_limit_per_minute)
  SELECT id, now(), 'Shop ' || n, 'US', '', 'starter', 60 FROM made;
INSERT INTO billing_creditaccount (organisation_id, available, reserved, low_balance_at) SELECT id, 0, 0, 5 FROM made;
INSERT INTO accounts_user (id, created_at, password, is_superuser, email, name, is_active, is_staff)
  SELECT id, now(), '', false, 'person' || n || '@example.net', '', true, false FROM made;
INSERT INTO accounts_membership (user_id, organisation_id, role) SELECT id, id, 'owner' FROM made;
INSERT INTO accounts_workspace (id, created_at, organisation_id, name, status)
  SELECT id, now(), id, 'Default', 'active' FROM made;
INSERT INTO accounts_apikey (id, created_at, organisation_id, mode, name, digest, last_four, status)
  SELECT id, now(), id, 'live', '', sha256(n::text::bytea), lpad(to_hex(n), 4, '0'), 'active' FROM made;
INSERT INTO accounts_invitation (id, created_at, organisation_id, email, role, digest, sent_at, expires_at, accepted_at)
  SELECT id, now(), id, 'new' || n || '@example.net', 'viewer', sha256(n::text::bytea), now(), now(), now() FROM made;
INSERT INTO accounts_mail (id, created_at, organisation_id, kind, reference, roles, address, context, sealed_secrets,
    attempts, sent_at)
  SELECT id, now(), id, 'receipt', 'pay_' || n, '[]', '', '{{}}', '', 1, now() FROM made;
INSERT INTO accounts_auditentry (id, created_at, organisation_id, actor, action, subject, reason, details)
  SELECT id, now(), id, 'user:' || n, 'api_key.created', 'key_' || n,
    CASE WHEN n % 20 = 0 THEN 'ticket ' || n ELSE '' END, '{{}}' FROM made;
"""


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_believed_afterwards(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Take the statistics anew once the rows are rolled back: they are kept outside of transactions."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table in BIG:
            cursor.execute(f"ANALYZE {table}")


@pytest.fixture
def many(world: World) -> World:
    """Fill each table, beside which the world is rare."""
    owner = User.objects.get(email="alice@example.com")
    invited = {"email": "rare@example.com", "role": "viewer", "sent_at": "2026-01-01T00:00Z"}
    Invitation.objects.create(
        organisation=world.organisation, expires_at="2026-01-01T00:00Z", digest=b"rare", **invited
    )
    Mail.objects.create(organisation=world.organisation, kind="rare", reference="rare_1", address="rare@example.com")
    Workspace.objects.filter(organisation=world.alice.org_id).update(status="archived")
    ApiKey.objects.filter(organisation=world.alice.org_id).update(status="revoked")
    owner.is_active = False
    owner.save()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_organisation SET suspended_at = now(), deletion_due_at = now()")
        cursor.execute("UPDATE accounts_auditentry SET reason = 'unpaid since spring'")
        cursor.execute(FILL.format(rows=ROWS))
        for table in BIG:
            cursor.execute(f"ANALYZE {table}")
    return world


def cases(world: World) -> Iterator[tuple[str, dict[str, str], str]]:
    """Yield a listing, what is asked of it, and the index that has to serve ("": any)."""
    org, key = world.alice.org_id, ApiKey.objects.filter(organisation=world.alice.org_id).first()
    person = User.objects.get(email="alice@example.com")
    yield from ((name, {}, "") for name in ("organisation", "user", *OF_AN_ORGANISATION))
    yield from ((name, {"organisation": org}, "") for name in OF_AN_ORGANISATION)
    yield from (("organisation", {"q": term}, "") for term in (org, key.pk, person.pk, "alice@example.com", "…abcd"))
    yield "organisation", {"q": "alice &"}, "organisation_name_begins"
    yield "organisation", {"q": "abcd"}, "organisation_name_begins"
    yield "organisation", {"plan": "growth"}, "organisation_by_plan"
    yield "organisation", {"region__exact": "EU"}, "organisation_by_region"
    yield "organisation", {"state": "suspended"}, "organisation_suspended"
    yield "organisation", {"state": "to-be-deleted"}, "organisation_leaving"
    yield "organisation", {"state": "deleted"}, "organisation_leaving"
    yield "user", {"q": "alice@example.com"}, "user_email_once"
    yield "user", {"is_staff__exact": "1"}, "user_staff"
    yield "user", {"is_active__exact": "0"}, "user_inactive"
    yield "membership", {"q": "alice@example.com"}, "user_email_once"
    yield "membership", {"role__exact": "developer"}, "membership_by_role"
    yield "invitation", {"q": "rare@example.com"}, "invitation_to"
    yield "invitation", {"state": "open"}, "invitation_open"
    yield "workspace", {"status__exact": "archived"}, "workspace_by_status"
    yield "apikey", {"q": key.last_four}, "key_by_last_four"
    yield "apikey", {"mode__exact": "test"}, "key_by_mode"
    yield "apikey", {"status__exact": "revoked"}, "key_by_status"
    yield "auditentry", {"q": "organisation.created"}, "audit_of_action"
    yield "auditentry", {"q": "system"}, "audit_by_actor"
    yield "auditentry", {"q": person.pk}, "audit_by_subject"
    yield "auditentry", {"about": person.pk}, "audit_by_subject"
    yield "auditentry", {"q": "spring unpaid"}, "audit_reason_words"
    yield "auditentry", {"reason": "given"}, "audit_with_reason"
    yield "mail", {"q": "rare"}, "mail_of_kind"
    yield "mail", {"q": "rare_1"}, "mail_about"
    yield "mail", {"q": "rare@example.com"}, "mail_to"
    yield "mail", {"state": "waiting"}, "mail_"
    yield "mail", {"state": "given-up"}, "mail_unsent"
    yield from ((name, {"when": "2026"}, "") for name in ("organisation", "auditentry"))


def asked(client: Client, url: str, query: dict[str, str]) -> list[str]:
    """Return what a page asks of these tables. Counting ends after 10,000 rows, and may read that many as they come."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url, query).status_code == 200
    assert len(captured) < 20
    selects = [query["sql"] for query in captured.captured_queries if query["sql"].startswith("SELECT")]
    return [sql for sql in selects if "COUNT(" not in sql and any(f'FROM "{table}"' in sql for table in BIG)]


def test_every_search_and_filter_is_answered_by_an_index(many: World) -> None:
    client = staff_client(make_staff("Support"))
    wrong = []
    for name, query, index in cases(many):
        plans = [plan_of(sql) for sql in asked(client, f"/admin/accounts/{name}/", query)]
        every = [node for plan in plans for node in plan]
        read = {node.get("Relation Name") for node in every if node["Node Type"] == "Seq Scan"} & BIG
        used = {node["Index Name"] for node in every if "Index Name" in node}
        if read or not any(index in name for name in used):
            wrong.append(f"{name} {query}: reads {read} through, uses {used}")
    assert not wrong, "\n".join(wrong)
