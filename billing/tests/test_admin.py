"""Staff's pages about money, in Django's admin."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from billing import catalogue
from billing.models import (
    AutoReload,
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
from zupertry.testing.page import Element, parse
from zupertry.testing.staff import make_staff, staff_client
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db

READ_ONLY = [
    AutoReload,
    CreditAccount,
    Discrepancy,
    GatewayEvent,
    Invoice,
    LedgerEntry,
    Payment,
    PaymentMethod,
    Reversal,
]


@pytest.fixture
def staff() -> Client:
    return staff_client(make_staff(superuser=True))


@pytest.fixture
def pack() -> CreditPack:
    return CreditPack.objects.get(plan="starter", currency="EUR", credits=500)


def address(model: Any, action: str, *args: str) -> str:
    return reverse(f"admin:billing_{model._meta.model_name}_{action}", args=args)


def seen(client: Client, url: str, query: dict[str, str] | None = None) -> Element:
    answer = client.get(url, query or {})
    assert answer.status_code == 200, answer
    html = answer.content.decode()
    return parse(html[html.index("<html") :])


def rows(client: Client, model: Any, **query: str) -> list[list[str]]:
    """Return the texts of each row of a listing."""
    body = seen(client, address(model, "changelist"), query).all("tbody")
    return [[cell.text.strip() for cell in row.all("th", "td")] for part in body for row in part.all("tr")]


def a_payment(org_id: str, number: int = 0, **changes: Any) -> Payment:
    fields = {
        "pack": CreditPack.objects.filter(plan="starter", currency="EUR")[0],
        "gateway": "stripe",
        "status": "paid",
        "actor": "system",
        "credits": 500,
        "currency": "EUR",
        "net_minor": 65_00,
        "idempotency_key": f"key-{number}",
        "checkout_reference": f"cs_{number}",
        "gateway_reference": f"pi_{number}",
    }
    return Payment.objects.create(organisation_id=org_id, **{**fields, **changes})


def one_of_each(world: World, number: int = 0) -> None:
    """Fill every table with a row that has all its relations."""
    org_id = (world.alice if number % 2 else world.charlie).org_id
    payment = a_payment(org_id, number)
    Reversal.objects.create(payment=payment, kind="refund", reference=f"re_{number}", amount_minor=100, credits=7)
    GatewayEvent.objects.create(
        gateway="stripe", reference=f"evt_{number}", type="charge.refunded", payload={"a": "<b>"}
    )
    Invoice.objects.create(organisation_id=org_id, payment=payment, number=f"A-{number}")
    Discrepancy.objects.create(
        gateway="stripe", kind="uncredited", reference=f"pi_{number}", payment=payment, details="?"
    )
    PaymentMethod.objects.create(organisation_id=org_id, gateway="stripe", reference=f"pm_{number}", kind="card")
    if number < 2:
        AutoReload.objects.create(organisation_id=org_id, threshold=9, pack=payment.pack, monthly_cap_minor=1)


def form_of(staff: Client, url: str) -> dict[str, str]:
    """Return what a page's form sends when nothing in it is changed."""
    form = seen(staff, url).by_id("creditpack_form")
    sent = {field.attributes["name"]: field.attributes.get("value", "") for field in form.all("input")}
    for choice in form.all("select"):
        chosen = [option for option in choice.all("option") if "selected" in option.attributes]
        sent[choice.attributes["name"]] = chosen[0].attributes["value"] if chosen else ""
    return {name: value for name, value in sent.items() if not name.startswith("_")}


def moment(name: str, at: datetime) -> dict[str, str]:
    """Return the two fields that a moment is typed into."""
    return {f"{name}_0": at.strftime("%Y-%m-%d"), f"{name}_1": at.strftime("%H:%M:%S")}


def change(staff: Client, pack: CreditPack, **changes: Any) -> None:
    url = address(CreditPack, "change", pack.id)
    answer = staff.post(url, {**form_of(staff, url), **changes})
    assert answer.status_code == 302, answer.content.decode()


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
    for number in range(1, 8):
        one_of_each(world, number)
        Plan.objects.create(code=f"plan-{number}", name="Plan")
    assert queries() == few


def test_what_is_wrong_comes_first(world: World, staff: Client) -> None:
    for number, status in enumerate(["quarantined", "failed", "paid", "open", "failed"]):
        a_payment(world.alice.org_id, number, status=status)
    wrong = Payment.objects.order_by("pk")
    expected = [wrong[0].id, wrong[4].id, wrong[1].id, wrong[3].id, wrong[2].id]
    assert [row[0] for row in rows(staff, Payment)] == expected
    assert len(rows(staff, Payment, status__exact="failed")) == 2


def test_discrepancies_that_are_not_mended_come_first(world: World, staff: Client) -> None:
    one_of_each(world, 0)
    Discrepancy.objects.update(resolved_at=None)
    for kind in ("mended", "newest"):
        now = timezone.now() if kind == "mended" else None
        Discrepancy.objects.create(gateway="stripe", kind=kind, reference=kind, details="?", resolved_at=now)
    assert [row[0] for row in rows(staff, Discrepancy)] == ["newest", "uncredited", "mended"]


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


def test_staff_change_a_plan_but_for_its_code(staff: Client) -> None:
    url = address(Plan, "change", "growth")
    assert staff.post(url, {"code": "other", "name": "Growing", "signup_credits": "25"}).status_code == 302
    assert Plan.objects.values_list("name", "signup_credits").get(code="growth") == ("Growing", 25)
    assert staff.post(address(Plan, "delete", "growth"), {"post": "yes"}).status_code == 403


def test_staff_make_a_pack_and_it_is_on_sale(world: World, staff: Client) -> None:
    url = address(CreditPack, "add")
    fields = {"plan": "starter", "currency": "EUR", "credits": 750, "price_minor": 90_00}
    answer = staff.post(url, {**form_of(staff, url), **fields})
    assert answer.status_code == 302, answer.content.decode()
    made = CreditPack.objects.get(credits=750)
    assert made in catalogue.offer(world.organisation)
    assert ["750", "€90.00", "Starter"] in [row[:3] for row in rows(staff, CreditPack, currency__exact="EUR")]


def test_a_pack_that_nobody_bought_is_changed_in_place(staff: Client, pack: CreditPack) -> None:
    change(staff, pack, price_minor=60_00)
    pack.refresh_from_db()
    assert (pack.price_minor, pack.active_until) == (60_00, None)


def test_a_changed_price_of_a_pack_that_was_bought_is_a_new_pack(world: World, staff: Client, pack: CreditPack) -> None:
    payment = a_payment(world.alice.org_id, pack=pack)
    change(staff, pack, price_minor=60_00)
    old, new = CreditPack.objects.filter(plan="starter", currency="EUR", credits=500).order_by("pk")
    assert (old.id, old.price_minor, old.active_until) == (pack.id, 65_00, new.active_from)
    assert (new.price_minor, new.active_until) == (60_00, None)
    payment.refresh_from_db()
    assert (payment.pack_id, payment.net_minor) == (old.id, 65_00)
    offered = catalogue.offer(world.organisation)
    assert new in offered
    assert old not in offered
    assert LogEntry.objects.get().object_id == new.id


def test_a_price_may_be_changed_for_later_without_a_gap(world: World, staff: Client, pack: CreditPack) -> None:
    a_payment(world.alice.org_id, pack=pack)
    later = (timezone.now() + timedelta(days=30)).replace(microsecond=0)
    change(staff, pack, price_minor=60_00, **moment("active_from", later))
    pack.refresh_from_db()
    assert pack.active_until == CreditPack.objects.get(price_minor=60_00, currency="EUR").active_from == later
    assert pack in catalogue.offer(world.organisation)


def test_a_pack_that_was_bought_may_end(world: World, staff: Client, pack: CreditPack) -> None:
    a_payment(world.alice.org_id, pack=pack)
    end = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
    count = CreditPack.objects.count()
    change(staff, pack, **moment("active_until", end))
    pack.refresh_from_db()
    assert (pack.active_until, CreditPack.objects.count()) == (end, count)


def test_a_pack_that_ended_and_is_changed_is_on_sale_again(world: World, staff: Client, pack: CreditPack) -> None:
    a_payment(world.alice.org_id, pack=pack)
    ended = (timezone.now() - timedelta(seconds=1)).replace(microsecond=0)
    CreditPack.objects.filter(pk=pack.pk).update(active_from=ended - timedelta(days=1), active_until=ended)
    change(staff, pack, price_minor=60_00)
    assert CreditPack.objects.get(pk=pack.pk).active_until == ended
    assert CreditPack.objects.get(price_minor=60_00, currency="EUR") in catalogue.offer(world.organisation)


def test_no_pack_is_deleted(staff: Client, pack: CreditPack) -> None:
    assert staff.post(address(CreditPack, "delete", pack.id), {"post": "yes"}).status_code == 403
    assert CreditPack.objects.filter(pk=pack.pk).exists()
