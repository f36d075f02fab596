"""Billing details: whom an organisation's invoices are for, checked by where it is billed."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache

from babel import Locale
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts import audit
from accounts.models import Organisation, Region
from billing import tax
from billing.gateways.base import Buyer
from billing.models import BillingDetails
from zupertry.core.errors import Refusal
from zupertry.core.support import at_support

FIELDS = ("legal_name", "email", "phone", "address", "city", "postal_code", "state", "country", "tax_id")

STATES = tuple(sorted(tax.STATES.items(), key=lambda state: state[1]))
"""GST state codes and names, in the order of the names: choices for a form."""

_NO_COUNTRIES = frozenset(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"])
_LONGEST = {field.name: field.max_length for field in BillingDetails._meta.concrete_fields}
_JOINERS = "\u200c\u200d"
_ALWAYS = {
    "legal_name": "Give the name that invoices are for.",
    "email": "Give the e-mail address that invoices and receipts go to.",
    "address": "Give the street address.",
    "city": "Give the city.",
    "country": "Choose the country.",
}
_REQUIRED = {
    Region.INDIA: _ALWAYS
    | {
        "postal_code": "Give the PIN code.",
        "state": "Choose the state: it decides which GST is due.",
        "phone": "Give a phone number: Razorpay asks for one with every payment.",
    },
    Region.EUROPE: _ALWAYS | {"postal_code": "Give the postal code."},
    Region.UNITED_STATES: _ALWAYS | {"postal_code": "Give the ZIP code."},
    Region.GLOBAL: _ALWAYS,
}
_PHONE = re.compile(r"\+91[0-9]{10}|\+(?!91)[1-9][0-9]{6,14}")
_PIN = re.compile("[1-9][0-9]{5}")


@cache
def countries() -> dict[str, str]:
    """Return English names (CLDR's, by Babel) by ISO 3166-1 alpha-2 code, in the order of the names.

    On demand, for reading them would take a twentieth of every command's start.
    """
    names = ((str(code), name) for code, name in Locale("en").territories.items())
    found = [(code, name) for code, name in names if re.fullmatch("[A-Z]{2}", code) and code not in _NO_COUNTRIES]
    return dict(sorted(found, key=lambda country: country[1]))


def country_choices() -> list[tuple[str, str]]:
    """Return the countries for a form to choose from, none of them chosen."""
    return [("", "Choose a country"), *countries().items()]


@transaction.atomic
def save(organisation: Organisation, data: Mapping[str, str], *, actor: str) -> BillingDetails:
    """Set an organisation's billing details to `data`, whose keys are `FIELDS`; a missing one is empty.

    What is written in several ways (phone, GSTIN, VAT number, PIN) is kept in its standard form. Raises `Refusal`
    (`validation_error`) with a sentence for each field that is missing or wrong.
    """
    region = Region(organisation.region)
    given = _in_standard_form(region, data)
    problems = {name: [message] for name, message in _problems(region, given)}
    if problems:
        raise Refusal("validation_error", "Correct the billing details below, and save them again.", fields=problems)
    before = _given_in(BillingDetails.objects.filter(organisation=organisation).first())
    changed = [name for name in FIELDS if given[name] != before[name]]
    details, _ = BillingDetails.objects.update_or_create(organisation=organisation, defaults=given)
    if changed:
        audit.record(organisation, actor, "billing_details.changed", organisation.id, fields=changed)
    return details


def buyer(organisation: Organisation) -> Buyer:
    """Return whom the organisation's payments are by.

    Raises `Refusal` (`validation_error`) before it has told us, and when its region has changed and asks for more.
    """
    details = BillingDetails.objects.filter(organisation=organisation).first()
    if details is None or any(
        _problems(Region(organisation.region), {name: getattr(details, name) for name in FIELDS})
    ):
        raise Refusal("validation_error", "Give your billing details first: they are what the invoice is made out to.")
    return Buyer(
        organisation_id=organisation.id,
        name=details.legal_name,
        email=details.email,
        phone=details.phone,
        address=details.address,
        city=details.city,
        postal_code=details.postal_code,
        state=details.state,
        country=details.country,
        tax_id=details.tax_id,
    )


def _given_in(details: BillingDetails | None) -> dict[str, str]:
    return {name: getattr(details, name, "") for name in FIELDS}


def _in_standard_form(region: Region, data: Mapping[str, str]) -> dict[str, str]:
    """Return every field, tidied; what can't be read stays as it was given."""
    given = {name: _tidy(data.get(name, "")) for name in FIELDS}
    given |= {name: text.replace("\n", " ") for name, text in given.items() if name != "address"}
    given["country"] = given["country"].upper()
    given["phone"] = _phone(region, given["phone"])
    given["tax_id"] = _tax_id(region, given["tax_id"], given["country"])
    if region == Region.INDIA:
        given["country"] = given["country"] or "IN"
        given["postal_code"] = given["postal_code"].replace(" ", "")
    return given


def _tidy(text: str) -> str:
    """Return a text composed (Unicode NFC), with neither stray blanks and empty lines nor what can't be seen.

    Joiners stay: names in Indic scripts are spelt with them.
    """
    composed = unicodedata.normalize("NFC", text)
    seen = "".join(
        sign if sign.isprintable() or sign in _JOINERS else "\n" if sign == "\n" else " " for sign in composed
    )
    return "\n".join(filter(None, (" ".join(line.split()) for line in seen.split("\n"))))


def _phone(region: Region, text: str) -> str:
    """Return a number in the form of ITU-T E.164; in India one with no country code is an Indian one."""
    number = re.sub(r"[\s().-]", "", text)
    if number.startswith("00"):
        return "+" + number[2:]
    if region == Region.INDIA and (local := re.fullmatch("0?([0-9]{10})", number)):
        return "+91" + local[1]
    return number


def _tax_id(region: Region, text: str, country: str) -> str:
    if not text:
        return ""
    try:
        if region == Region.INDIA:
            return tax.clean_gstin(text)
        return tax.clean_vat_number(text, country) if region == Region.EUROPE else text
    except ValueError:
        return text


def _problems(region: Region, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Say what is wrong with which field: one sentence each, which says what to do."""
    for name in FIELDS:
        if not given[name]:
            if name in _REQUIRED[region]:
                yield name, _REQUIRED[region][name]
        elif problem := _problem(region, name, given) or _too_long(name, given[name]):
            yield name, problem


def _too_long(name: str, text: str) -> str:
    most = _LONGEST[name]
    return f"Shorten this to {most} characters." if most and len(text) > most else ""


def _problem(region: Region, name: str, given: Mapping[str, str]) -> str:
    """Say what is wrong with a field that is given; nothing when it is right."""
    if name == "email":
        return "" if _is_email(given["email"]) else "Give an e-mail address such as accounts@example.com."
    if name == "phone":
        return "" if _PHONE.fullmatch(given["phone"]) else "Give the number with its country code: +919876543210."
    if name == "country":
        return _problem_of_country(region, given["country"])
    if region == Region.INDIA:
        return _problem_in_india(name, given)
    if region == Region.EUROPE and name == "tax_id" and given["country"] in tax.EU_COUNTRIES:
        return _problem_of_vat_number(given)
    return ""


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _problem_of_country(region: Region, country: str) -> str:
    if country not in countries():
        return "Choose a country from the list."
    if region == Region.INDIA and country != "IN":
        return (
            "Choose India: your organisation is billed there, in rupees. "
            f"To be billed elsewhere, write to us{at_support()}."
        )
    if region == Region.EUROPE and country not in tax.EU_COUNTRIES:
        return (
            "Choose a country of the European Union: your organisation is billed there. "
            f"To change that, write to us{at_support()}."
        )
    return ""


def _problem_in_india(name: str, given: Mapping[str, str]) -> str:
    if name == "postal_code" and not _PIN.fullmatch(given["postal_code"]):
        return "Give the PIN code: six digits, of which the first is not 0, such as 400001."
    if name == "state" and given["state"] not in tax.STATES:
        return "Choose a state from the list."
    if name == "tax_id":
        return _problem_of_gstin(given["tax_id"], given["state"])
    return ""


def _problem_of_gstin(gstin: str, state: str) -> str:
    try:
        tax.clean_gstin(gstin)
    except ValueError:
        return "Check the GSTIN for a slip: its 15 characters or its check digit are not right. Or leave it empty."
    if tax.state_of(gstin) != state:
        registered = tax.STATES[tax.state_of(gstin)]
        return f"This GSTIN is registered in {registered}. Choose that state, or give the GSTIN of the state above."
    return ""


def _problem_of_vat_number(given: Mapping[str, str]) -> str:
    try:
        tax.clean_vat_number(given["tax_id"], given["country"])
    except ValueError:
        country = countries()[given["country"]]
        return f"Check the VAT number for a slip: it is not one of {country}. Or leave it empty."
    return ""
