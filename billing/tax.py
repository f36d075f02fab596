"""Taxes: India's goods and services tax (GST) on what is sold in rupees, and the numbers that taxpayers are known by.

Sums are paise. USD and EUR carry no tax of ours: there Stripe adds what is due, where it is set to.
"""

import re
from dataclasses import dataclass

from django.conf import settings
from stdnum import luhn
from stdnum.eu import vat
from stdnum.in_ import pan
from stdnum.util import clean

GST_PERCENT = 18
"""For services of information technology (Notification 11/2017-Central Tax (Rate): 9 % central, 9 % of the state)."""

STATES = {
    "01": "Jammu and Kashmir",
    "02": "Himachal Pradesh",
    "03": "Punjab",
    "04": "Chandigarh",
    "05": "Uttarakhand",
    "06": "Haryana",
    "07": "Delhi",
    "08": "Rajasthan",
    "09": "Uttar Pradesh",
    "10": "Bihar",
    "11": "Sikkim",
    "12": "Arunachal Pradesh",
    "13": "Nagaland",
    "14": "Manipur",
    "15": "Mizoram",
    "16": "Tripura",
    "17": "Meghalaya",
    "18": "Assam",
    "19": "West Bengal",
    "20": "Jharkhand",
    "21": "Odisha",
    "22": "Chhattisgarh",
    "23": "Madhya Pradesh",
    "24": "Gujarat",
    "26": "Dadra and Nagar Haveli and Daman and Diu",
    "27": "Maharashtra",
    "29": "Karnataka",
    "30": "Goa",
    "31": "Lakshadweep",
    "32": "Kerala",
    "33": "Tamil Nadu",
    "34": "Puducherry",
    "35": "Andaman and Nicobar Islands",
    "36": "Telangana",
    "37": "Andhra Pradesh",
    "38": "Ladakh",
    "97": "Other Territory",
}
"""GST state codes, as the tax portal lists them, of places that are in India today.

25 (Daman and Diu) is part of 26 since 2020, 28 (undivided Andhra Pradesh) ended in 2014; 96 is abroad, where nobody is
sold to in rupees; 99 is no place.
"""

UNION_TERRITORIES = frozenset({"04", "26", "31", "35", "38", "97"})
"""Those without a legislature, where the state's half is called UTGST (Union Territory GST Act, section 2(8))."""

EU_COUNTRIES = frozenset(code.upper() for code in vat.MEMBER_STATES - {"xi"})
"""ISO 3166-1 codes of the member states of the European Union."""

_GSTIN = re.compile(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]")
_GSTIN_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class GST:
    """The tax on one supply, in paise: central and state tax within a state, integrated tax between two."""

    cgst_minor: int = 0
    sgst_minor: int = 0
    igst_minor: int = 0

    @property
    def total_minor(self) -> int:
        """All of it."""
        return self.cgst_minor + self.sgst_minor + self.igst_minor


def split_gst(net_minor: int, seller_state: str, buyer_state: str) -> GST:
    """Return the tax on `net_minor` paise from one state to another, by their GST codes.

    Within a state half is central and half the state's tax (CGST Act, section 9; IGST Act, section 8(2)); between
    states it is integrated tax (IGST Act, sections 5 and 7(3)). Each half is rounded half up to the paisa, as section
    170 of the CGST Act rounds to the rupee; integrated tax is both halves, so that the buyer's state changes no sum.
    """
    half = _half_of_gst(net_minor)
    if seller_state == buyer_state:
        return GST(cgst_minor=half, sgst_minor=half)
    return GST(igst_minor=2 * half)


def tax_for(currency: str, net_minor: int) -> int:
    """Return what is added to a price when it is quoted: GST on rupees, once the seller is registered for it."""
    if currency != "INR" or not settings.SELLER["gstin"]:
        return 0
    return 2 * _half_of_gst(net_minor)


def _half_of_gst(net_minor: int) -> int:
    return (net_minor * GST_PERCENT + 100) // 200


def state_of(gstin: str) -> str:
    """Return the state code that a GSTIN begins with."""
    return gstin[:2]


def clean_gstin(text: str) -> str:
    """Return a GSTIN in its canonical form. Raises `ValueError` unless state, PAN and check digit are right.

    python-stdnum's own check knows no state past 37.
    """
    number = clean(text, " -").upper()
    if not _GSTIN.fullmatch(number) or state_of(number) not in STATES:
        raise ValueError(text)
    pan.validate(number[2:12])
    luhn.validate(number, _GSTIN_DIGITS)
    return number


def clean_vat_number(text: str, country: str) -> str:
    """Return a VAT number of a member state, with its prefix. Raises `ValueError` unless it has that country's form.

    The form and, where there is one, the check digit; whether the number was ever given to anybody is not asked.
    """
    prefix = "EL" if country == "GR" else country
    number = clean(text, " -./").upper()
    return str(vat.validate(number if number.startswith(prefix) else prefix + number))
