"""Listings of money at a size where it matters: each reads an index, whatever it is narrowed to. PostgreSQL only."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation
from billing.models import (
    AutoReload,
    CreditAccount,
    Discrepancy,
    GatewayEvent,
    Invoice,
    LedgerEntry,
    Payment,
    PaymentMethod,
    Reversal,
)
from billing.tests.staff.pages import address
from zupertry.testing.plans import plan_of
from zupertry.testing.staff import make_staff, staff_client

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="plans are PostgreSQL's"),
]

ROWS, SHOPS = 10_000, 2_000
MANY = 500
MADE = """
CREATE FUNCTION pg_temp.numbered(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
  $$ SELECT lpad(to_hex(n), 32, '0')::uuid $$;
CREATE TEMP TABLE shops ON COMMIT DROP AS
  SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM accounts_organisation;
INSERT INTO billing_creditaccount (organisation_id, available, reserved, low_balance_at)
  SELECT id, 100, 0, 5 FROM shops;
INSERT INTO billing_autoreload (organisation_id, enabled, threshold, pack_id, monthly_cap_minor, attempts,
    failures_in_a_row, switched_off_because)
  SELECT id, false, 5, (SELECT id FROM billing_creditpack LIMIT 1), 1, 0, 0, '' FROM shops;
INSERT INTO billing_payment (id, created_at, organisation_id, pack_id, purpose, status, gateway, actor, credits,
    currency, net_minor, tax_minor, buyer, idempotency_key, keep_method, checkout_reference, checkout_url,
    gateway_reference, needs_authentication, failure)
  SELECT pg_temp.numbered(k), now(), shops.id, (SELECT id FROM billing_creditpack LIMIT 1), 'top_up', 'paid',
    'stripe', 'system', 500, 'EUR', 6500, 0, '{{}}', 'key-' || k, false, 'cs_' || k, '', 'pi_' || k, false, ''
  FROM generate_series(1, {rows}) k JOIN shops ON shops.n = k % {shops};
INSERT INTO billing_reversal (id, created_at, payment_id, kind, reference, amount_minor, credits)
  SELECT id, now(), id, 'refund', 're_' || id, 1, 1 FROM billing_payment;
INSERT INTO billing_invoice (id, created_at, organisation_id, payment_id, number, url, pdf_url, seller, buyer, sac,
    place_of_supply, cgst_minor, sgst_minor, igst_minor)
  SELECT id, now(), organisation_id, id, 'A-' || id, '', '', '{{}}', '{{}}', '', '', 0, 0, 0 FROM billing_payment;
INSERT INTO billing_discrepancy (id, created_at, gateway, kind, reference, payment_id, details, resolved_at, closed_by)
  SELECT id, now(), 'stripe', 'differs', gateway_reference, id, '', now(), '' FROM billing_payment;
INSERT INTO billing_paymentmethod (id, created_at, organisation_id, gateway, reference, status, kind, brand, last_four,
    is_default)
  SELECT id, now(), organisation_id, 'stripe', 'pm_' || id, 'active', 'card', '', '4242', false FROM billing_payment;
INSERT INTO billing_gatewayevent (id, created_at, gateway, reference, type, subject, payload, attempts, processed_at,
    error)
  SELECT id, now(), 'stripe', 'evt_' || id, 'payment_intent.succeeded',
    jsonb_build_object('payment_id', '', 'checkout_reference', '', 'gateway_reference', gateway_reference),
    '{{}}', 1, now(), '' FROM billing_payment;
INSERT INTO billing_ledgerentry (id, created_at, account_id, kind, available_delta, reserved_delta, reference, actor,
    note)
  SELECT pg_temp.numbered(k), now(), shops.id, CASE k % 2 WHEN 0 THEN 'hold' ELSE 'capture' END, 0, 0, 'job_' || k,
    'system', '' FROM generate_series(1, 2 * {rows}) k JOIN shops ON shops.n = k % {shops};
ANALYZE;
"""
ORG, PAY = "{org}", "{pay}"
LISTINGS: list[tuple[Any, str]] = [
    *((Payment, f"q={term}") for term in (ORG, PAY, "pi_77", "cs_77", "key-77", "nothing")),
    *((Payment, f"status__exact={status}") for status in ("quarantined", "failed", "refused")),
    *((Payment, query) for query in ("", "state=quarantined", "gateway__exact=razorpay", "purpose__exact=auto_reload")),
    *(
        (Payment, query)
        for query in ("currency__exact=INR", f"organisation={ORG}", "when=2019-01", "status__exact=paid")
    ),
    *((Reversal, query) for query in ("", "kind__exact=dispute", "state=undone", "state=standing", f"q={ORG}")),
    *((Reversal, f"q={term}") for term in (PAY, "re_nothing")),
    *((GatewayEvent, query) for query in ("", "state=failing", "state=waiting", "gateway__exact=razorpay")),
    *((GatewayEvent, f"q={term}") for term in ("evt_1", "charge.refunded", "pi_77", PAY)),
    *((Discrepancy, query) for query in ("", "state=open", "gateway__exact=razorpay", "q=pi_77", f"q={PAY}")),
    *((Invoice, query) for query in ("", "q=A-1", f"q={PAY}", f"q={ORG}")),
    *((LedgerEntry, query) for query in ("", "kind__exact=adjustment", "kind__exact=hold", "kind__exact=grant")),
    *((LedgerEntry, query) for query in ("q=job_77", f"q={ORG}", f"account={ORG}", "q=nothing")),
    *((CreditAccount, query) for query in ("", f"q={ORG}")),
    *((AutoReload, query) for query in ("", "enabled__exact=1", f"q={ORG}")),
    *(
        (PaymentMethod, query)
        for query in ("", "status__exact=paused", "gateway__exact=razorpay", "q=pm_1", f"q={ORG}")
    ),
]


@pytest.fixture
def _many(db: None) -> None:
    Organisation.objects.bulk_create([Organisation(name="Shop", region="EU") for _ in range(SHOPS)])
    with connection.cursor() as cursor:
        cursor.execute(MADE.format(rows=ROWS, shops=SHOPS))


def whole_reads(sql: str, table: str) -> list[str]:
    """Return what of a query's plan reads the table from one end to the other."""
    return [
        f"{node['Node Type']} {node.get('Filter', '')}"
        for node in plan_of(sql)
        if (node.get("Relation Name") == table and goes_through_all(node)) or sorts_much(node)
    ]


def goes_through_all(scan: dict[str, Any]) -> bool:
    """Say whether a scan looks for few rows among all: by no index, or along one that only gives their order."""
    if scan["Node Type"] == "Seq Scan":
        return True
    searches = "Index Cond" in scan or "Recheck Cond" in scan
    return "Filter" in scan and not searches and scan["Plan Rows"] < MANY


def sorts_much(node: dict[str, Any]) -> bool:
    return bool(node["Node Type"] == "Sort" and node["Plan Rows"] >= MANY)


def reads(client: Client, model: Any, query: str) -> Iterator[str]:
    """Yield what a listing reads whole, and whether it asks too much."""
    table = model._meta.db_table
    with CaptureQueriesContext(connection) as captured:
        assert client.get(f"{address(model, 'changelist')}?{query}").status_code == 200
    # A bounded count of everything, or of what nearly everything is, reads the table's first rows as they come.
    asked = [asked["sql"] for asked in captured if f'FROM "{table}"' in asked["sql"]]
    listed = [sql for sql in asked if not re.search(r"LIMIT (10001|100)\b", sql)]
    assert listed
    yield from (f"{model.__name__}?{query}: {read}: {sql}" for sql in listed for read in whole_reads(sql, table))
    if len(captured) >= 20:
        yield f"{model.__name__}?{query}: {len(captured)} queries"


@pytest.mark.usefixtures("_many")
def test_each_listing_reads_an_index() -> None:
    """One test, for it is the filling that takes time."""
    client = staff_client(make_staff(superuser=True))
    known = {"org": Organisation.objects.order_by("-pk")[0].id, "pay": Payment.objects.order_by("-pk")[0].id}
    found = [line for model, query in LISTINGS for line in reads(client, model, query.format(**known))]
    assert not found, "\n".join(found)
    # That this test would notice.
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX payment_by_currency, gateway_event_charge")
    without = [(Payment, "currency__exact=INR"), (GatewayEvent, "q=pi_77")]
    assert [model for model, query in without if list(reads(client, model, query))] == [model for model, _ in without]
