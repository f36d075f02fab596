from functools import partial
from typing import Any

import pytest

from accounts.models import AuditEntry, Organisation
from billing import details
from billing.models import BillingDetails
from zupertry.core.errors import Refusal
from zupertry.testing.threads import at_once
from zupertry.testing.world import World

ACTOR = "user:1"
INDIA = {
    "legal_name": "Śrī Textiles Pvt Ltd",
    "email": "accounts@example.com",
    "phone": "98765 43210",
    "address": "12 MG Road\nIndiranagar",
    "city": "Bengaluru",
    "postal_code": "560 038",
    "state": "29",
    "tax_id": "29AAPFU0939F1ZR",
}
EUROPE = {
    "legal_name": "Alice GmbH",
    "email": "accounts@example.com",
    "address": "Lindenstraße 1",
    "city": "Berlin",
    "postal_code": "10969",
    "country": "de",
    "tax_id": "DE136695976",
}
ELSEWHERE = {
    "legal_name": "Charlie Ltd",
    "email": "accounts@example.com",
    "address": "1 Nathan Road",
    "city": "Hong Kong",
    "country": "HK",
}
GIVEN = {"IN": INDIA, "EU": EUROPE, "US": {**ELSEWHERE, "postal_code": "62701", "country": "US"}, "GLOBAL": ELSEWHERE}


@pytest.fixture
def organisation(world: World) -> Organisation:
    return world.organisation


def billed_in(organisation: Organisation, region: str) -> Organisation:
    organisation.region = region
    organisation.save()
    return organisation


def refused(organisation: Organisation, region: str, **changes: str) -> dict[str, Any]:
    """Return what is said of each field when the details of a region, with `changes`, are saved."""
    with pytest.raises(Refusal) as refusal:
        details.save(billed_in(organisation, region), {**GIVEN[region], **changes}, actor=ACTOR)
    assert refusal.value.code == "validation_error"
    assert not BillingDetails.objects.exists()
    return dict(refusal.value.fields or {})


@pytest.mark.django_db
@pytest.mark.parametrize("region", GIVEN)
def test_what_is_right_is_kept(organisation: Organisation, region: str) -> None:
    details.save(billed_in(organisation, region), GIVEN[region], actor=ACTOR)
    kept = BillingDetails.objects.get(organisation=organisation)
    assert kept.legal_name == GIVEN[region]["legal_name"]
    buyer = details.buyer(organisation)
    assert (buyer.organisation_id, buyer.name, buyer.email) == (organisation.id, kept.legal_name, kept.email)
    assert (buyer.country, buyer.tax_id, buyer.state) == (kept.country, kept.tax_id, kept.state)


@pytest.mark.django_db
def test_everything_is_kept_in_its_standard_form(organisation: Organisation) -> None:
    billed_in(organisation, "IN")
    untidy = {"legal_name": " S\u0301ri\u0304\tTextiles\n Pvt  Ltd\x00 ", "tax_id": "29 aapfu0939f1zr", "country": "in"}
    kept = details.save(organisation, {**INDIA, **untidy}, actor=ACTOR)
    assert (kept.legal_name, kept.tax_id, kept.country) == (INDIA["legal_name"], INDIA["tax_id"], "IN")
    assert (kept.phone, kept.postal_code) == ("+919876543210", "560038")
    assert kept.address == "12 MG Road\nIndiranagar"


@pytest.mark.django_db
def test_names_in_any_script_are_kept_joiners_and_all(organisation: Organisation) -> None:
    name = "ശ്രീ ല\u200dക്ഷ്മി & Söhne"
    kept = details.save(billed_in(organisation, "IN"), {**INDIA, "legal_name": name}, actor=ACTOR)
    assert kept.legal_name == name


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("9876543210", "+919876543210"),
        ("09876543210", "+919876543210"),
        ("+91 98765-43210", "+919876543210"),
        ("0091 (98765) 43210", "+919876543210"),
        ("080 2345 6789", "+918023456789"),
        ("+49 30 1234567", "+49301234567"),
    ],
)
def test_a_phone_number_with_no_country_code_is_indian_in_india(organisation, written: str, kept: str) -> None:
    saved = details.save(billed_in(organisation, "IN"), {**INDIA, "phone": written}, actor=ACTOR)
    assert saved.phone == kept


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("region", "required"),
    [
        ("IN", {"legal_name", "email", "phone", "address", "city", "postal_code", "state"}),
        ("EU", {"legal_name", "email", "address", "city", "postal_code", "country"}),
        ("US", {"legal_name", "email", "address", "city", "postal_code", "country"}),
        ("GLOBAL", {"legal_name", "email", "address", "city", "country"}),
    ],
)
def test_what_is_missing_is_named(organisation: Organisation, region: str, required: set[str]) -> None:
    fields = refused(organisation, region, **dict.fromkeys(details.FIELDS, " \n"))
    assert fields.keys() == required
    assert all(message.startswith(("Give", "Choose")) for messages in fields.values() for message in messages)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("region", "field", "wrong", "says"),
    [
        ("IN", "postal_code", "012345", "first is not 0"),
        ("IN", "postal_code", "56003", "six digits"),
        ("IN", "postal_code", "५६००३८", "six digits"),
        ("IN", "state", "28", "from the list"),
        ("IN", "state", "Karnataka", "from the list"),
        ("IN", "country", "US", "Choose India"),
        ("IN", "tax_id", "29AAPFU0939F1ZS", "check digit"),
        ("IN", "tax_id", "27AAPFU0939F1ZV", "registered in Maharashtra"),
        ("IN", "phone", "12345", "country code"),
        ("IN", "phone", "+91 12345", "country code"),
        ("EU", "country", "CH", "European Union"),
        ("EU", "country", "GB", "European Union"),
        ("EU", "tax_id", "DE136695977", "not one of Germany"),
        ("EU", "tax_id", "FR61954506077", "not one of Germany"),
        ("EU", "phone", "030 1234567", "country code"),
        ("GLOBAL", "country", "Hong Kong", "from the list"),
        ("GLOBAL", "country", "ZZ", "from the list"),
        ("US", "email", "accounts@", "such as"),
        ("US", "legal_name", "x" * 201, "200 characters"),
        ("US", "address", "x" * 501, "500 characters"),
        ("US", "tax_id", "x" * 21, "20 characters"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(organisation, region: str, field: str, wrong: str, says: str) -> None:
    fields = refused(organisation, region, **{field: wrong})
    assert says in fields[field][0]
    assert fields.keys() <= {field, "tax_id"}  # a wrong state takes its GSTIN with it


@pytest.mark.django_db
@pytest.mark.parametrize("region", ["IN", "EU"])
def test_a_tax_number_may_be_left_out(organisation: Organisation, region: str) -> None:
    kept = details.save(billed_in(organisation, region), {**GIVEN[region], "tax_id": ""}, actor=ACTOR)
    assert kept.tax_id == ""


@pytest.mark.django_db
def test_the_log_tells_which_fields_changed_and_nothing_of_what_is_in_them(organisation: Organisation) -> None:
    billed_in(organisation, "EU")
    for data in (EUROPE, EUROPE, {**EUROPE, "city": "Köln", "postal_code": "50667"}):
        details.save(organisation, data, actor=ACTOR)
    first, second = AuditEntry.objects.filter(action="billing_details.changed")
    assert set(first.details["fields"]) == EUROPE.keys()
    assert (second.actor, second.subject) == (ACTOR, organisation.id)
    assert second.details == {"fields": ["city", "postal_code"]}


@pytest.mark.django_db
def test_there_is_no_buyer_before_there_are_details(organisation: Organisation) -> None:
    with pytest.raises(Refusal, match="billing details first"):
        details.buyer(organisation)


@pytest.mark.django_db
def test_details_of_another_region_are_asked_for_again(organisation: Organisation) -> None:
    details.save(billed_in(organisation, "EU"), EUROPE, actor=ACTOR)
    with pytest.raises(Refusal, match="billing details first"):
        details.buyer(billed_in(organisation, "IN"))


@pytest.mark.django_db(transaction=True)
def test_details_saved_at_once_are_one_row(organisation: Organisation) -> None:
    billed_in(organisation, "EU")
    saves = [partial(details.save, organisation, EUROPE, actor=ACTOR) for _ in range(8)]
    assert all(isinstance(saved, BillingDetails) for saved in at_once(saves))
    assert BillingDetails.objects.count() == 1


def test_a_form_can_offer_states_and_countries_by_name() -> None:
    assert ("29", "Karnataka") in details.STATES
    assert [name for _, name in details.STATES] == sorted(name for _, name in details.STATES)
    countries = details.countries()
    assert (countries["IN"], countries["DE"], countries["US"]) == ("India", "Germany", "United States")
    assert len(countries) == 250  # the 249 of ISO 3166-1, and Kosovo
