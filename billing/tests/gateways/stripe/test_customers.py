from dataclasses import replace

from billing.gateways.base import Gateway
from billing.tests.gateways.stripe.purchases import ALICE, CHARLIE
from zupertry.testing.stripe import StripeServer


def test_a_customer_is_made_with_the_buyers_details(stripe: StripeServer, gateway: Gateway) -> None:
    made = stripe.objects[gateway.make_customer(ALICE)]
    assert (made["name"], made["email"], made["phone"]) == ("Alice GmbH", "alice@example.com", "+49301234567")
    assert made["metadata"] == {"organisation_id": "org_alice"}
    assert made["address"] == {
        "line1": "Torstraße 1",
        "line2": "Hinterhaus",
        "city": "Berlin",
        "postal_code": "10119",
        "state": None,
        "country": "DE",
    }


def test_a_vat_number_of_the_eu_is_the_customers_tax_id_and_no_other_number_is(
    stripe: StripeServer, gateway: Gateway
) -> None:
    alice = gateway.make_customer(ALICE)
    gateway.make_customer(CHARLIE)
    (tax_id,) = stripe.all("tax_id")
    assert (tax_id["customer"], tax_id["type"], tax_id["value"]) == (alice, "eu_vat", "DE136695976")


def test_a_customer_is_made_once_even_if_the_details_change_between_tries(
    stripe: StripeServer, gateway: Gateway
) -> None:
    first = gateway.make_customer(ALICE)
    assert gateway.make_customer(replace(ALICE, name="Alice AG")) == first
    assert len(stripe.all("customer")) == 1
    assert stripe.objects[first]["name"] == "Alice AG"


def test_new_details_replace_the_old_and_empty_ones_delete_them(
    stripe: StripeServer, gateway: Gateway, customer: str
) -> None:
    gateway.update_customer(customer, replace(ALICE, phone="", address="Ku'damm 2", tax_id="DE129273398"))
    now = stripe.objects[customer]
    assert (now["phone"], now["address"]["line1"], now["address"]["line2"]) == (None, "Ku'damm 2", None)
    assert [tax_id["value"] for tax_id in stripe.all("tax_id")] == ["DE129273398"]
    gateway.update_customer(customer, replace(ALICE, tax_id=""))
    assert stripe.all("tax_id") == []


def test_details_that_did_not_change_touch_no_tax_id(stripe: StripeServer, gateway: Gateway, customer: str) -> None:
    (before,) = stripe.all("tax_id")
    gateway.update_customer(customer, ALICE)
    assert stripe.all("tax_id") == [before]
