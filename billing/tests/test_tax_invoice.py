from datetime import UTC, date, datetime
from typing import Any

import pytest

from billing import tax_invoice
from billing.models import Invoice, Payment
from billing.tax_invoice import Party, Tax

SELLER = {"name": "Zupertry Ltd", "address": "1 Marine Drive, Mumbai", "gstin": "27AAPFU0939F1ZV", "gst_percent": 18}
BUYER = {
    "name": "Asha Fashions",
    "address": "Shop 3,\n2nd Cross",
    "city": "Bengaluru",
    "postal_code": "560001",
    "state": "29",
    "country": "IN",
    "tax_id": "29AAPFU0939F1ZR",
}


def invoice(**changes: Any) -> Invoice:
    """Return a tax invoice of ₹9,44,000.00, from Maharashtra to Karnataka."""
    fields = {
        "payment": Payment(credits=200_000, currency="INR", net_minor=8_00_000_00, gateway_reference="pay_1"),
        "number": "ZT/2627/0000042",
        "seller": SELLER,
        "buyer": BUYER,
        "sac": "998319",
        "place_of_supply": "29",
        "igst_minor": 1_44_000_00,
    }
    made = Invoice(**{**fields, **changes})
    made.created_at = datetime(2026, 12, 31, 18, 30, tzinfo=UTC)
    return made


def test_it_says_what_rule_46_asks_for() -> None:
    said = tax_invoice.read(invoice())
    assert (said.number, said.issued_on) == ("ZT/2627/0000042", date(2027, 1, 1))  # the day in India
    assert said.seller == Party("Zupertry Ltd", "1 Marine Drive, Mumbai", "Maharashtra (27)", "27AAPFU0939F1ZV")
    address = "Shop 3, 2nd Cross, Bengaluru 560001, India"
    assert said.buyer == Party("Asha Fashions", address, "Karnataka (29)", "29AAPFU0939F1ZR")
    assert (said.place_of_supply, said.sac) == ("Karnataka (29)", "998319")
    assert said.description == "2,00,000 credits for virtual try-on (Zupertry)"
    assert (said.taxable_minor, said.taxes) == (8_00_000_00, (Tax("IGST", "18", 1_44_000_00),))
    assert said.total_minor == 9_44_000_00
    assert said.paid_with == "pay_1"
    assert said.file_name == "invoice-ZT-2627-0000042.pdf"


@pytest.mark.parametrize(("state", "local"), [("27", "SGST"), ("07", "SGST"), ("04", "UTGST"), ("38", "UTGST")])
def test_the_states_half_has_another_name_in_a_union_territory(state: str, local: str) -> None:
    """Delhi has a legislature, and counts as a state."""
    said = tax_invoice.read(invoice(place_of_supply=state, cgst_minor=90, sgst_minor=90, igst_minor=0))
    assert said.taxes == (Tax("CGST", "9", 90), Tax(local, "9", 90))


@pytest.mark.parametrize(("percent", "whole", "half"), [(12, "12", "6"), (5, "5", "2.5")])
def test_it_names_the_rate_that_it_was_charged_at(percent: int, whole: str, half: str) -> None:
    seller = {**SELLER, "gst_percent": percent}
    (integrated,) = tax_invoice.read(invoice(seller=seller)).taxes
    central, _ = tax_invoice.read(invoice(seller=seller, cgst_minor=1, sgst_minor=1, igst_minor=0)).taxes
    assert (integrated.percent, central.percent) == (whole, half)
