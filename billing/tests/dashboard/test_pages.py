"""All billing pages alike: valid, nothing inline or foreign, as many queries for fifty rows as for one."""

import itertools

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from billing import ledger
from billing.models import Invoice, LedgerEntry, Payment, PaymentMethod, Reversal
from zupertry.core import ids
from zupertry.testing.money import opened
from zupertry.testing.page import parse

LISTINGS = ["overview", "payments", "methods", "ledger"]
PAGES = [*LISTINGS, "details", "auto-reload"]


def fill(organisation, rows):
    """So many rows of everything."""
    for _ in range(rows):
        payment = opened(organisation, status="paid", settled_at=timezone.now())
        Invoice.objects.create(organisation=organisation, payment=payment, number="Z-1", url="https://invoice.example")
        Reversal.objects.create(payment=payment, kind="refund", reference=payment.id, amount_minor=1, credits=1)
        ledger.purchase(organisation.id, 5, payment.id, actor=f"user:{ids.new('usr')}")
        PaymentMethod.objects.create(
            organisation=organisation, gateway="stripe", reference=payment.id, kind="card", brand="visa", last_four="1"
        )


def queries(client, name):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(reverse(f"billing:{name}")).status_code == 200
    return len(captured)


@pytest.mark.parametrize("name", LISTINGS)
def test_a_listing_takes_as_many_queries_for_fifty_rows_as_for_one(owner, alice, name):
    fill(alice, 1)
    for_one = queries(owner, name)
    fill(alice, 49)

    assert queries(owner, name) == for_one <= 12


@pytest.mark.parametrize("rows", [0, 2])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_valid_html_with_nothing_inline_or_foreign(owner, alice, name, rows):
    fill(alice, rows)
    check(owner.get(reverse(f"billing:{name}")))


@pytest.mark.parametrize("status", Payment.Status.values)
@pytest.mark.parametrize("purpose", Payment.Purpose.values)
def test_a_payments_page_is_valid_in_each_of_its_states(owner, alice, status, purpose):
    payment = opened(alice, status=status, purpose=purpose, settled_at=timezone.now(), expected_at=timezone.now())
    Reversal.objects.create(payment=payment, kind="dispute", reference="dp_1", amount_minor=1, credits=1)
    check(owner.get(reverse("billing:payment", args=[payment.id])))


def test_the_question_whether_to_remove_a_method_is_valid(owner, alice):
    fill(alice, 1)
    check(owner.get(reverse("billing:remove-method", args=[PaymentMethod.objects.get().id])))


def check(answer):
    html = parse(answer.content.decode())
    assert answer.status_code == 200
    assert "'unsafe" not in answer.headers.get("Content-Security-Policy")
    assert len(html.all("main")) == len(html.all("h1")) == 1
    found = [element.attributes["id"] for element in html.all() if "id" in element.attributes]
    assert len(found) == len(set(found))
    levels = [int(heading.tag[1]) for heading in html.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))
    assert not html.all("style")
    names = {name for element in html.all() for name in element.attributes}
    assert "style" not in names
    assert not [name for name in names if name.startswith("on")]
    for script in html.all("script"):
        assert script.attributes["src"].startswith("/static/")
    controls = {label.attributes["for"] for label in html.all("label") if "for" in label.attributes}
    for field in html.all("input", "select", "textarea"):
        labelled = field.attributes.get("id") in controls or field.attributes.get("type") in {
            "hidden",
            "radio",
            "checkbox",
        }
        assert labelled, field.attributes


def test_the_stylesheet_loads_nothing_from_elsewhere():
    css = (settings.BASE_DIR / "static/css/dashboard.css").read_text()
    assert "url(" not in css
    assert "@import" not in css


def test_everything_of_the_ledger_is_there(owner, alice):
    """None of the kinds is without words."""
    job = ids.new("job")
    ledger.hold(alice.id, job, actor="system")
    ledger.release(alice.id, job)
    ledger.clawback(alice.id, 3, "re_1", note="Refund of pay_1")
    text = parse(owner.get(reverse("billing:ledger")).content.decode()).all("tbody")[0].text

    for kind in ("Hold", "Release", "Clawback", "Grant"):
        assert kind in text
    assert LedgerEntry.objects.filter(account_id=alice.id).count() == 4


@pytest.mark.django_db
def test_money_went_back_only_where_something_was_taken_for_it(owner, alice):
    payment = opened(alice, status="paid", settled_at=timezone.now())
    nothing = {"kind": "refund", "amount_minor": 1_500, "credits": 0, "undone_at": timezone.now()}
    Reversal.objects.create(payment=payment, reference="re_1", **nothing)
    page = reverse("billing:payment", args=[payment.id])
    assert "went back" not in parse(owner.get(page).content.decode()).text

    Reversal.objects.create(payment=payment, reference="re_2", **{**nothing, "credits": 100})
    text = parse(owner.get(page).content.decode()).text
    assert "Money that went back" in text
    assert "Came to nothing" in text
    assert "and credits with it" not in text

    Reversal.objects.create(payment=payment, reference="re_3", **{**nothing, "credits": 100, "undone_at": None})
    assert "and credits with it" in parse(owner.get(page).content.decode()).text
