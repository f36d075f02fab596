from fractions import Fraction

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from billing import tax
from billing.tax import GST, split_gst

MAHARASHTRA, KARNATAKA = "27", "29"
PAISE = st.integers(0, 10**13)
STATES = st.sampled_from(sorted(tax.STATES))


@pytest.mark.parametrize(
    ("net_minor", "half"),
    [(0, 0), (5, 0), (6, 1), (1_00, 9), (50, 5), (49, 4), (1_000_00, 90_00), (33_33, 3_00), (8_00_000_00, 72_000_00)],
)
def test_half_goes_to_the_centre_and_half_to_the_state_or_all_is_integrated(net_minor: int, half: int) -> None:
    """9 % of 50 paise is 4.5, which is rounded up; 9 % of 49 is 4.41, which is rounded down."""
    assert split_gst(net_minor, MAHARASHTRA, MAHARASHTRA) == GST(cgst_minor=half, sgst_minor=half)
    assert split_gst(net_minor, MAHARASHTRA, KARNATAKA) == GST(igst_minor=2 * half)


@given(net_minor=PAISE, seller=STATES, buyer=STATES)
def test_what_is_quoted_is_what_the_invoice_splits_wherever_the_buyer_is(net_minor, seller, buyer) -> None:
    gst = split_gst(net_minor, seller, buyer)
    with override_settings(SELLER={"gstin": gstin_in(seller)}):
        assert gst.total_minor == tax.tax_for("INR", net_minor)
    assert gst.cgst_minor == gst.sgst_minor
    assert bool(gst.igst_minor) == (seller != buyer and gst.total_minor > 0)
    assert abs(gst.total_minor - Fraction(18 * net_minor, 100)) <= 1


@given(rupees=st.integers(0, 10**9), seller=STATES, buyer=STATES)
def test_on_whole_rupees_it_is_18_percent_to_the_paisa(rupees, seller, buyer) -> None:
    assert split_gst(rupees * 100, seller, buyer).total_minor == rupees * 18


def gstin_in(state: str) -> str:
    """Return a GSTIN that could be one of this state."""
    start = f"{state}AAPFU0939F1Z"
    return start + luhn.calc_check_digit(start, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@pytest.mark.parametrize(("currency", "due"), [("INR", 180_00), ("USD", 0), ("EUR", 0)])
def test_only_rupees_carry_tax_of_ours(settings, currency: str, due: int) -> None:
    settings.SELLER = {"gstin": gstin_in(MAHARASHTRA)}
    assert tax.tax_for(currency, 1_000_00) == due


def test_who_is_not_registered_charges_no_tax(settings) -> None:
    settings.SELLER = {"gstin": ""}
    assert tax.tax_for("INR", 1_000_00) == 0


@pytest.mark.parametrize("state", tax.STATES)
def test_a_gstin_of_each_state_is_one(state: str) -> None:
    """Ladakh's (38) too, which came after others' lists were made."""
    assert tax.clean_gstin(gstin_in(state)) == gstin_in(state)
    assert tax.state_of(gstin_in(state)) == state


@pytest.mark.parametrize("written", ["27AAPFU0939F1ZV", "27aapfu0939f1zv", " 27 AAPFU 0939F 1ZV ", "27-AAPFU0939F-1ZV"])
def test_a_gstin_may_be_written_in_many_ways(written: str) -> None:
    assert tax.clean_gstin(written) == "27AAPFU0939F1ZV"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "27AAPFU0939F1ZO",  # the check digit
        "27AAPFU0939F1Z",
        "27AAPFU0939F1ZVV",
        "27AAPFU0939F1XV",  # no Z
        "27AAPFU0939F0ZV",  # no zeroth registration
        "27AAPZU0939F1ZV",  # no such holder of a PAN
        "AAPFU0939F",
        "२७AAPFU0939F1ZV",
        *(gstin_in(state) for state in ("00", "25", "28", "39", "96", "99")),
    ],
)
def test_what_is_no_gstin_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
        tax.clean_gstin(wrong)


@pytest.mark.parametrize("place", range(15))
def test_a_slip_in_any_character_is_found(place: int) -> None:
    right = gstin_in(KARNATAKA)
    for other in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        if other != right[place]:
            with pytest.raises(ValueError):  # noqa: PT011
                tax.clean_gstin(right[:place] + other + right[place + 1 :])


def test_there_are_the_states_of_today() -> None:
    assert len(tax.STATES) == 37
    assert not tax.STATES.keys() & {"25", "28", "96", "99"}
    assert (tax.STATES["37"], tax.STATES["38"]) == ("Andhra Pradesh", "Ladakh")
    assert tax.UNION_TERRITORIES.issubset(tax.STATES)


def test_the_union_has_27_members() -> None:
    assert len(tax.EU_COUNTRIES) == 27
    assert {"DE", "GR", "HR"} < tax.EU_COUNTRIES
    assert not {"GB", "XI", "CH", "NO", "EL"} & tax.EU_COUNTRIES


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("DE136695976", "DE", "DE136695976"),
        ("136 695 976", "DE", "DE136695976"),
        ("atu 571.949.03", "AT", "ATU57194903"),
        ("EL 094259216", "GR", "EL094259216"),
        ("094259216", "GR", "EL094259216"),
        ("ESB58378431", "ES", "ESB58378431"),
        ("FR 61 954 506 077", "FR", "FR61954506077"),
    ],
)
def test_a_vat_number_has_its_countrys_form_and_prefix(written: str, country: str, number: str) -> None:
    assert tax.clean_vat_number(written, country) == number


@pytest.mark.parametrize(
    ("wrong", "country"),
    [("DE136695977", "DE"), ("FR61954506077", "DE"), ("", "DE"), ("CHE107787577IVA", "CH"), ("12345", "IT")],
)
def test_what_is_no_vat_number_of_the_country_is_refused(wrong: str, country: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        tax.clean_vat_number(wrong, country)
