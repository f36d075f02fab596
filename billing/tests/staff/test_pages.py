"""Staff's pages about money: who sees what, and how one leads to another."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organisation, User
from billing import ledger
from billing.gateways.stripe import StripeGateway
from billing.models import (
    AutoReload,
    BillingDetails,
    CreditAccount,
    CreditPack,
    Discrepancy,
    GatewayEvent,
    Invoice,
    LedgerEntry,
    Payment,
    PaymentMethod,
    Plan,
    Reversal,
)
from billing.tests.staff.pages import a_payment, address, an_event, links, one_of_each, rows, seen
from zupertry.testing.money import opened
from zupertry.testing.razorpay import RazorpayServer
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.stripe import StripeServer
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db

READ_ONLY = [
    AutoReload,
    BillingDetails,
    CreditAccount,
    Discrepancy,
    GatewayEvent,
    Invoice,
    LedgerEntry,
    Payment,
    PaymentMethod,
    Reversal,
]
SELLER = {"name": "Zupertry India", "address": "12 MG Road", "gstin": "29AAACZ1234A1ZR", "gst_percent": 18}


@pytest.fixture
def staff() -> Client:
    return staff_client(make_staff(superuser=True))


def test_strangers_get_the_login_page_and_customers_are_told_that_it_is_not_for_them(world: World) -> None:
    client = Client()
    answer = client.get("/admin/")
    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, "/admin/login/")
    assert client.get(answer.headers["Location"]).headers["Location"] == "/login?next=%2Fadmin%2F"
    client.force_login(User.objects.get(email="alice@example.com"))
    for url in ("/admin/", address(Payment, "changelist")):
        assert client.get(url, follow=True).status_code == 403


@pytest.mark.parametrize("model", READ_ONLY)
def test_staff_see_every_row_and_change_none(world: World, staff: Client, model: Any) -> None:
    one_of_each(world)
    found = model.objects.order_by("pk")[0]
    assert rows(staff, model)
    detail = address(model, "change", found.pk)
    assert not seen(staff, detail).all("form")[-1].all("input", "select", "textarea", class_="vTextField")
    before = model.objects.values().get(pk=found.pk)
    for url in (detail, address(model, "delete", found.pk), address(model, "add")):
        assert staff.post(url, {"post": "yes", "note": "changed"}).status_code == 403
    assert model.objects.values().get(pk=found.pk) == before


@pytest.mark.parametrize("model", [*READ_ONLY, Plan, CreditPack])
def test_a_listing_takes_the_same_queries_for_any_number_of_rows(world: World, staff: Client, model: Any) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            staff.get(address(model, "changelist"))
        return len(captured)

    one_of_each(world)
    few = queries()
    for number in range(1, 50):
        one_of_each(world, number)
        Plan.objects.create(code=f"plan-{number}", name="Plan")
    assert queries() == few < 20


def test_quarantined_payments_are_named_at_the_top_and_a_click_away(world: World, staff: Client) -> None:
    for number, status in enumerate(["quarantined", "failed", "paid", "quarantined"]):
        a_payment(world.alice.org_id, number, status=status)
    page = seen(staff, address(Payment, "changelist"))
    (note,) = page.all("p", class_="waiting")
    assert note.text.startswith("2 quarantined")
    (link,) = note.all("a")
    found = rows(staff, Payment, **dict([link.attributes["href"].removeprefix("?").split("=")]))
    assert [row[0] for row in found] == list(
        Payment.objects.filter(status="quarantined").order_by("-pk").values_list("pk", flat=True)
    )
    assert [row[0] for row in rows(staff, Payment)] == list(
        Payment.objects.order_by("-pk").values_list("pk", flat=True)
    )


def test_where_nothing_waits_nothing_is_said(world: World, staff: Client) -> None:
    a_payment(world.alice.org_id)
    for model in (Payment, Discrepancy, GatewayEvent):
        assert not seen(staff, address(model, "changelist")).all("p", class_="waiting")


def test_open_discrepancies_and_failing_events_are_a_click_away(world: World, staff: Client) -> None:
    one_of_each(world, 0)
    Discrepancy.objects.create(gateway="stripe", kind="mended", reference="x", details="?", resolved_at=timezone.now())
    an_event(5)
    GatewayEvent.objects.filter(reference="evt_0").update(error="GatewayError")
    assert [row[0] for row in rows(staff, Discrepancy)] == ["mended", "uncredited"]
    assert [row[0] for row in rows(staff, Discrepancy, state="open")] == ["uncredited"]
    assert "evt_0" in rows(staff, GatewayEvent, state="failing")[0]
    assert len(rows(staff, GatewayEvent, state="failing")) == 1
    assert len(rows(staff, GatewayEvent, state="waiting")) == 2


def test_a_state_that_there_is_not_selects_all(world: World, staff: Client) -> None:
    a_payment(world.alice.org_id)
    assert len(rows(staff, Payment, state="nonsense")) == 1


def test_a_payment_is_found_by_any_of_its_ids_and_references(world: World, staff: Client) -> None:
    payment = a_payment(world.alice.org_id, 1)
    a_payment(world.charlie.org_id, 2)
    for term in (payment.id, world.alice.org_id, "cs_1", "pi_1", "key-1", " pi_1 "):
        (row,) = rows(staff, Payment, q=term)
        assert row[0] == payment.id
    for term in ("pi_", "pay_nonsense", "%", "pay_" + "0" * 26):
        assert rows(staff, Payment, q=term) == []


@pytest.mark.parametrize(
    ("model", "term"),
    [(Reversal, "re_1"), (GatewayEvent, "evt_1"), (Invoice, "A-1"), (Discrepancy, "pi_1"), (PaymentMethod, "pm_1")],
)
def test_other_rows_are_found_by_their_references(world: World, staff: Client, model: Any, term: str) -> None:
    one_of_each(world, 1)
    one_of_each(world, 2)
    (row,) = rows(staff, model, q=term)
    assert term in row


def test_a_payments_page_has_its_refunds_and_disputes(world: World, staff: Client) -> None:
    one_of_each(world)
    page = seen(staff, address(Payment, "change", Payment.objects.get().id))
    assert "re_0" in page.text
    assert "€65.00" in page.text


def test_an_events_payload_is_shown_as_text(world: World, staff: Client) -> None:
    one_of_each(world)
    page = seen(staff, address(GatewayEvent, "change", GatewayEvent.objects.get().id))
    assert page.all("pre")[0].text == '{\n  "a": "<b>"\n}'


def test_a_payment_leads_to_all_that_belongs_to_it_and_each_leads_back(world: World, staff: Client) -> None:
    payment = one_of_each(world)
    entry = ledger_entry(payment)
    page = address(Payment, "change", payment.id)
    related = [
        entry,
        *(model.objects.get() for model in (Invoice, GatewayEvent, Discrepancy, AutoReload, Reversal)),
        Organisation.objects.get(pk=payment.organisation_id),
    ]
    found = links(seen(staff, page))
    for row in related:
        assert address(type(row), "change", str(row.pk)) in {link.partition("?")[0] for link in found}, row
    for row in [*related[:4], Reversal.objects.get()]:
        assert page in links(seen(staff, address(type(row), "change", str(row.pk)))), row
    payments = f"{address(Payment, 'changelist')}?organisation={payment.organisation_id}&purpose__exact=auto_reload"
    assert payments in links(seen(staff, address(AutoReload, "change", payment.organisation_id)))
    assert [row[0] for row in rows(staff, Payment, **dict(parse_qsl(urlsplit(payments).query)))] == [payment.id]


def ledger_entry(payment: Payment) -> LedgerEntry:
    ledger.purchase(payment.organisation_id, payment.credits, payment.id, actor="system")
    return LedgerEntry.objects.get(reference=payment.id)


def test_a_clawback_leads_to_its_refund_and_the_refund_to_it(world: World, staff: Client) -> None:
    reversal = one_of_each(world).reversals.get()
    ledger.clawback(reversal.payment.organisation_id, 7, reversal.reference, note="Refund")
    entry = LedgerEntry.objects.get(kind="clawback")
    for one, other in ((entry, reversal), (reversal, entry), (reversal.payment, entry)):
        assert address(type(other), "change", other.pk) in links(seen(staff, address(type(one), "change", one.pk)))


def test_a_payment_has_a_timeline(world: World, staff: Client) -> None:
    payment = one_of_each(world)
    ledger_entry(payment)
    Payment.objects.filter(pk=payment.pk).update(settled_at=timezone.now(), status="open", next_check_at=timezone.now())
    (line,) = seen(staff, address(Payment, "change", payment.id)).all("ol", class_="timeline")
    text = " ".join(line.text.split())
    for part in ("Begun by system", "€1.00 went back: refund re_0", "Event charge.refunded evt_0", "+500 credits"):
        assert part in text
    assert "Looked at again" in line.all("li")[-1].text
    assert "UTC" in line.all("time")[0].text


@pytest.mark.parametrize(
    ("gateway", "reference", "page"),
    [
        ("stripe", "pi_1", "https://dashboard.stripe.com/test/payments/pi_1"),
        ("razorpay", "pay_1", "https://dashboard.razorpay.com/app/payments/pay_1"),
    ],
)
def test_a_payment_leads_to_its_page_at_the_gateway(
    world: World, staff: Client, stripe: StripeServer, razorpay: RazorpayServer, gateway: str, reference: str, page: str
) -> None:
    payment = a_payment(world.alice.org_id, gateway=gateway, gateway_reference=reference)
    found = [a for a in seen(staff, address(Payment, "change", payment.id)).all("a") if a.attributes["href"] == page]
    assert [(a.attributes["target"], a.attributes["rel"]) for a in found] == [("_blank", "noopener noreferrer")]


def test_with_a_live_key_it_leads_to_the_live_page() -> None:
    live = StripeGateway(secret_key="rk_live_x", event_secrets=[], api_base="http://127.0.0.1:1")
    assert live.page_of("pi_1") == "https://dashboard.stripe.com/payments/pi_1"


def test_where_a_gateway_is_gone_its_payments_are_shown_all_the_same(
    world: World, staff: Client, settings: Any
) -> None:
    settings.PAYMENT_GATEWAYS = {}
    payment = a_payment(world.alice.org_id)
    assert "dashboard.stripe.com" not in str(links(seen(staff, address(Payment, "change", payment.id))))


def test_an_invoice_of_ours_is_seen_as_a_pdf_and_stripes_at_stripe(asha: Organisation, staff: Client) -> None:
    payment = opened(asha)
    invoice = Invoice.objects.create(organisation=asha, payment=payment, number="ZT/2627/0000001", seller=SELLER)
    Invoice.objects.filter(pk=invoice.pk).update(buyer=payment.buyer, place_of_supply="29")
    page = address(Invoice, "pdf", invoice.id)
    assert page in links(seen(staff, address(Invoice, "changelist")))
    answer = staff.get(page)
    assert (answer.status_code, answer["Content-Type"], answer.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert answer["Content-Disposition"].startswith("inline")
    Invoice.objects.filter(pk=invoice.pk).update(pdf_url="https://stripe.example/i.pdf")
    assert staff.get(page)["Location"] == "https://stripe.example/i.pdf"
    for nothing in ("inv_nonsense", "inv_" + "0" * 26):
        assert staff.get(address(Invoice, "pdf", nothing)).status_code == 404


@pytest.mark.parametrize(
    ("model", "secret"), [(GatewayEvent, "payload"), (Payment, "checkout_url"), (Invoice, "buyer")], ids=str
)
def test_the_file_leaves_out_what_is_long_or_private(world: World, staff: Client, model: Any, secret: str) -> None:
    one_of_each(world)
    answer = staff.get(address(model, "csv"))
    head = b"".join(answer.streaming_content).decode().splitlines()[0].split(",")  # type: ignore[attr-defined]
    assert "id" in head
    assert secret not in head


def test_events_are_found_by_what_they_are_about(world: World, staff: Client) -> None:
    payment = one_of_each(world)
    an_event(7, payment_id=payment.id)
    an_event(8, checkout_reference="cs_0")
    an_event(9, checkout_reference="cs_other")
    assert [row[0] for row in rows(staff, GatewayEvent, q=payment.id)] == ["evt_7"]
    assert [row[0] for row in rows(staff, GatewayEvent, q="cs_0")] == ["evt_8"]
    assert [row[0] for row in rows(staff, GatewayEvent, q="pi_0")] == ["evt_0"]
    found = seen(staff, address(Payment, "change", payment.id)).all("div", class_="field-events")[0].text
    assert [name for name in ("evt_0", "evt_7", "evt_8", "evt_9") if name in found] == ["evt_0", "evt_7", "evt_8"]


def test_reversals_are_found_by_their_organisation(world: World, staff: Client) -> None:
    one_of_each(world, 0)
    one_of_each(world, 1)
    assert [row[0] for row in rows(staff, Reversal, q=world.alice.org_id)] == ["re_1"]
