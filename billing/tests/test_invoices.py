from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Organisation
from billing import details, invoices
from billing.models import Invoice, InvoiceSequence, Payment
from zupertry.core.ids import made_at
from zupertry.testing.money import DETAILS, give_details, opened
from zupertry.testing.threads import at_once
from zupertry.testing.world import World

SELLER = {
    "name": "Zupertry Technologies Private Limited",
    "address": "12 MG Road, Mumbai 400001, Maharashtra, India",
    "gstin": "27AAPFU0939F1ZV",
    "sac": "998319",
}
ACTOR = "user:1"


@pytest.fixture(autouse=True)
def _seller(settings) -> None:
    settings.SELLER = dict(SELLER)


@pytest.fixture
def organisation(world: World) -> Organisation:
    """One in Karnataka, which pays in rupees."""
    organisation = world.organisation
    organisation.region = "IN"
    organisation.save()
    give_details(organisation)
    return organisation


def issued(payment: Payment) -> Invoice:
    invoice = invoices.issue(payment)
    assert invoice
    return Invoice.objects.get(pk=invoice.pk)


@pytest.mark.django_db
def test_a_payment_in_rupees_gets_a_tax_invoice(organisation: Organisation) -> None:
    payment = opened(organisation)
    invoice = issued(payment)
    year = invoices.financial_year(made_at(invoice.id))
    assert invoice.number == f"ZT/{year}/0000001"
    assert invoice.seller == {
        "name": SELLER["name"],
        "address": SELLER["address"],
        "gstin": SELLER["gstin"],
        "gst_percent": 18,
    }
    assert invoice.buyer == {
        "name": "Asha Fashions Private Limited",
        "address": "12 MG Road",
        "city": "Bengaluru",
        "postal_code": "560001",
        "state": "29",
        "country": "IN",
        "tax_id": "",
    }
    assert (invoice.sac, invoice.place_of_supply) == ("998319", "29")
    assert (payment.net_minor, invoice.igst_minor) == (1_000_00, 180_00)
    assert invoice.cgst_minor == invoice.sgst_minor == 0


@pytest.mark.django_db
def test_within_a_state_the_tax_is_in_two_halves_and_the_sum_the_same(organisation: Organisation) -> None:
    details.save(organisation, {**DETAILS["IN"], "state": "27"}, actor=ACTOR)
    payment = opened(organisation, net_minor=1_50, tax_minor=28)
    invoice = issued(payment)
    assert (invoice.cgst_minor, invoice.sgst_minor, invoice.igst_minor) == (14, 14, 0)
    assert payment.amount_minor == payment.net_minor + invoice.cgst_minor + invoice.sgst_minor


@pytest.mark.django_db
def test_one_that_moves_between_the_quote_and_the_payment_pays_what_was_quoted(organisation: Organisation) -> None:
    payment = opened(organisation)
    details.save(organisation, {**DETAILS["IN"], "state": "27"}, actor=ACTOR)
    invoice = issued(payment)
    assert invoice.cgst_minor + invoice.sgst_minor + invoice.igst_minor == payment.tax_minor


@pytest.mark.django_db
def test_twice_is_the_same_invoice_whatever_has_changed_since(organisation: Organisation, settings) -> None:
    payment = opened(organisation)
    first = issued(payment)
    details.save(organisation, {**DETAILS["IN"], "legal_name": "Another", "state": "27"}, actor=ACTOR)
    settings.SELLER = {**SELLER, "name": "Renamed"}
    assert issued(payment) == first
    assert (first.buyer["name"], first.seller["name"]) == ("Asha Fashions Private Limited", SELLER["name"])
    assert Invoice.objects.count() == InvoiceSequence.objects.get().last == 1


@pytest.mark.django_db
def test_who_is_not_registered_issues_no_tax_invoice(organisation: Organisation, settings) -> None:
    settings.SELLER = {**SELLER, "gstin": ""}
    payment = opened(organisation)
    assert payment.tax_minor == 0
    assert invoices.issue(payment) is None
    settings.SELLER = dict(SELLER)
    assert invoices.issue(payment) is None  # it was quoted, and paid, without tax
    assert not InvoiceSequence.objects.exists()


@pytest.mark.django_db
def test_elsewhere_the_invoice_is_stripes(world: World) -> None:
    payment = opened(world.organisation)
    assert invoices.issue(payment) is None
    invoices.link(payment, "ABC-0001", "https://invoice.stripe.test/1", "")
    invoices.link(payment, "ABC-0001", "https://invoice.stripe.test/1", "https://invoice.stripe.test/1.pdf")
    invoice = Invoice.objects.get()
    assert (invoice.organisation_id, invoice.payment_id) == (payment.organisation_id, payment.id)
    assert (invoice.number, invoice.pdf_url) == ("ABC-0001", "https://invoice.stripe.test/1.pdf")
    assert invoice.seller == invoice.buyer == {}


@pytest.mark.parametrize(
    ("moment", "year"),
    [
        (datetime(2026, 3, 31, 18, 29, 59, tzinfo=UTC), "2526"),
        (datetime(2026, 3, 31, 18, 30, tzinfo=UTC), "2627"),  # midnight in India
        (datetime(2026, 12, 31, tzinfo=UTC), "2627"),
        (datetime(2027, 3, 31, tzinfo=UTC), "2627"),
        (datetime(2099, 4, 2, tzinfo=UTC), "9900"),
    ],
)
def test_the_financial_year_begins_in_april_in_india(moment: datetime, year: str) -> None:
    assert invoices.financial_year(moment) == year


@pytest.mark.django_db
def test_numbers_start_anew_each_financial_year_and_stay_within_16_characters(organisation: Organisation) -> None:
    InvoiceSequence.objects.create(year="2425", last=7)
    assert issued(opened(organisation)).number.endswith("/0000001")
    InvoiceSequence.objects.exclude(year="2425").update(last=99_999_998)
    last = issued(opened(organisation)).number
    assert last.endswith("/99999999")
    assert len(last) == 16


def pay(payment: Payment, *, fails: bool = False) -> str:
    """Issue within a transaction, as whoever settles a payment does; one that fails leaves nothing."""
    with transaction.atomic():
        number = issued(payment).number
        if fails:
            raise ConnectionError
    return number


def serials(numbers: list[str]) -> list[int]:
    return sorted(int(number.rpartition("/")[2]) for number in numbers)


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_are_numbered_without_gap_or_double(organisation: Organisation) -> None:
    numbers: list[Any] = at_once([partial(pay, opened(organisation)) for _ in range(20)])
    assert serials(numbers) == list(range(1, 21))


@pytest.mark.django_db(transaction=True)
def test_payments_that_are_rolled_back_leave_no_gap(organisation: Organisation) -> None:
    payments = [opened(organisation) for _ in range(20)]
    outcomes = at_once([partial(pay, payment, fails=bool(place % 2)) for place, payment in enumerate(payments)])
    numbers = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert sum(isinstance(outcome, ConnectionError) for outcome in outcomes) == 10
    assert serials(numbers) == list(range(1, 11))
    assert serials([pay(payments[1])]) == [11]


@pytest.mark.django_db(transaction=True)
def test_one_payment_settled_many_times_at_once_has_one_invoice(organisation: Organisation) -> None:
    payment = opened(organisation)
    at_once([partial(pay, payment) for _ in range(8)])
    assert Invoice.objects.count() == InvoiceSequence.objects.get().last == 1
    assert pay(payment) == Invoice.objects.get().number
