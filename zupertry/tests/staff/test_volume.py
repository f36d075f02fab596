"""Staff's pages with a million jobs in PostgreSQL: every listing, filter and search goes by an index."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import (
    ApiKey,
    AuditEntry,
    DeliveryAttempt,
    Invitation,
    Mail,
    Membership,
    Organisation,
    User,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    Workspace,
)
from billing.models import (
    AutoReload,
    BillingDetails,
    CreditAccount,
    CreditPack,
    Discrepancy,
    GatewayEvent,
    Invoice,
    InvoiceSequence,
    LedgerEntry,
    Payment,
    PaymentMethod,
    Plan,
    Reversal,
)
from tryon.models import Job, Upload
from zupertry.core import ids
from zupertry.staff.front import look
from zupertry.testing.plans import read_through
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.volume import fill, nth_id

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="the plans are PostgreSQL's"),
]

JOBS, ROWS, CUSTOMERS = 1_000_000, 60_000, 20_000
BIG = {
    model._meta.db_table
    for app in ("accounts", "billing", "tryon")
    for model in apps.get_app_config(app).get_models()
    if model not in {Plan, CreditPack, InvoiceSequence}
}
MOST_QUERIES = 19
TEXTS = ["pi_123", "req_0123456789", "walker", "walker@example.com", "abcd"]
OWNER = nth_id(f"1 + n % {CUSTOMERS}")


@pytest.fixture(scope="module")
def million(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A million jobs of 20,000 organisations, with as much around them as there would be."""
    if connection.vendor != "postgresql":
        pytest.skip("the plans are PostgreSQL's")
    with django_db_blocker.unblock():
        _fill()
        yield
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(sorted(BIG))} CASCADE")


def _fill() -> None:
    organisation = {"organisation_id": OWNER}
    fill(Organisation, CUSTOMERS, name="'Customer ' || n", region="'EU'", country="'DE'")
    fill(User, CUSTOMERS, email="'person' || n || '@example.com'", is_active="true")
    fill(Membership, CUSTOMERS, role="'owner'", user_id=nth_id("n"), **organisation)
    fill(Workspace, CUSTOMERS, name="'Default'", **organisation)
    fill(ApiKey, CUSTOMERS, mode="'live'", last_four="to_hex(n % 65536)", **organisation)
    fill(CreditAccount, CUSTOMERS, available="n % 1000 - 5", organisation_id=nth_id("n"))
    fill(
        Job,
        JOBS,
        workspace_id=OWNER,
        mode="CASE WHEN n % 5 = 0 THEN 'test' ELSE 'live' END",
        status="CASE n % 50 WHEN 0 THEN 'failed' WHEN 1 THEN 'cancelled' ELSE 'completed' END",
        error_code="CASE WHEN n % 50 = 0 THEN 'engine_error' ELSE '' END",
        request_id="'req_' || n",
        **organisation,
    )
    fill(WebhookEvent, ROWS, type="'job.completed'", reference="'job_' || n", **organisation)
    status = "CASE WHEN n % 40 = 0 THEN 'failed' ELSE 'delivered' END"
    target = {"url": "'https://shop.example'", "target": "'https://shop.example:443'"}
    fill(WebhookDelivery, ROWS, event_id=nth_id("n"), status=status, next_attempt_at="NULL", **target, **organisation)
    fill(AuditEntry, ROWS, actor="'user:' || n % 500", action="'key.created'", subject="'key_' || n", **organisation)
    fill(LedgerEntry, ROWS, account_id=OWNER, kind="'hold'", reference="'job_' || n")
    pack_id = f"'{ids.decode('pck', CreditPack.objects.filter(currency='EUR')[0].pk)}'::uuid"
    fill(
        Payment,
        ROWS,
        pack_id=pack_id,
        status="CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'paid' END",
        gateway="'stripe'",
        currency="'EUR'",
        idempotency_key="'key-' || n",
        checkout_reference="'cs_' || n",
        gateway_reference="'pi_' || n",
        **organisation,
    )
    processed = "CASE WHEN n % 1000 = 0 THEN NULL ELSE now() END"
    event = {"reference": "'evt_' || n", "type": "'charge.succeeded'"}
    fill(GatewayEvent, ROWS, gateway="'stripe'", processed_at=processed, **event)
    fill(Invitation, CUSTOMERS, email="'person' || n || '@example.com'", role="'viewer'", **organisation)
    fill(Mail, CUSTOMERS, kind="'receipt'", reference="'pay_' || n", next_attempt_at="NULL", **organisation)
    fill(WebhookEndpoint, CUSTOMERS, organisation_id=nth_id("n"))
    fill(DeliveryAttempt, ROWS, delivery_id=nth_id("n"), number="1")
    fill(Upload, CUSTOMERS, name="'uploads/' || n", **organisation)
    fill(AutoReload, CUSTOMERS, enabled="n % 10 = 0", pack_id=pack_id, organisation_id=nth_id("n"))
    fill(BillingDetails, CUSTOMERS, legal_name="'Customer ' || n", organisation_id=nth_id("n"))
    method = {"gateway": "'stripe'", "kind": "'card'", "status": "'usable'", "reference": "'pm_' || n"}
    fill(PaymentMethod, CUSTOMERS, **method, **organisation)
    fill(Invoice, CUSTOMERS, payment_id=nth_id("n"), number="'A-' || n", **organisation)
    reversal = {"kind": "'refund'", "reference": "'re_' || n"}
    fill(Reversal, CUSTOMERS, payment_id=nth_id("n"), **reversal)
    fill(Discrepancy, CUSTOMERS, kind="'missing_here'", gateway="'stripe'", reference="'pi_' || n", resolved_at="now()")


@pytest.fixture
def staff(million: None, db: None) -> Client:
    return staff_client(make_staff(superuser=True))


def unindexed(queries: CaptureQueriesContext) -> list[str]:
    """Return the queries that read one of the big tables from its beginning."""
    asked = [str(query["sql"]) for query in queries.captured_queries]
    return [sql for sql in asked if sql.startswith("SELECT") and read_through(sql) & BIG]


LISTINGS = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.mark.parametrize("model", LISTINGS, ids=lambda model: model._meta.label)
def test_every_listing_filter_and_search_goes_by_an_index(staff: Client, model: type[Model]) -> None:
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    context: dict[str, Any] = staff.get(page).context_data or {}
    changelist = context["cl"]
    prefixes = set(getattr(admin.site._registry[model], "ids_searched", {}).values())
    terms = [*(ids.encode(prefix, ids.uuid7()) for prefix in sorted(prefixes)), *TEXTS]
    wanted = [
        "",
        *(choice["query_string"] for spec in changelist.filter_specs for choice in spec.choices(changelist)),
        *(f"?q={term}" for term in terms if changelist.search_fields),
    ]
    for query in dict.fromkeys(wanted):
        with CaptureQueriesContext(connection) as queries:
            answer = staff.get(page + query)
        assert answer.status_code == 200, query
        assert len(queries) <= MOST_QUERIES, query
        assert unindexed(queries) == [], query


def test_the_first_page_goes_by_indexes(staff: Client) -> None:
    cache.clear()
    with CaptureQueriesContext(connection) as queries:
        look()
    assert len(queries) <= MOST_QUERIES
    assert unindexed(queries) == []
