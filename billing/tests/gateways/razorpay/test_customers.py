from dataclasses import replace

import pytest

from billing.gateways.base import GatewayError
from billing.tests.gateways.razorpay.scenario import ASHA


def test_customer_is_made_once_with_a_name_that_razorpay_takes(razorpay, gateway):
    customer = gateway.make_customer(ASHA)

    assert gateway.make_customer(ASHA) == customer
    assert razorpay.account.find("customer", customer) | {"id": "", "created_at": 0} == {
        "id": "",
        "entity": "customer",
        "name": "Asha Textiles Sons Pvt. Ltd.",
        "email": "asha@example.com",
        "contact": "+919876543210",
        "gstin": "29AAGCR4375J1ZU",
        "notes": {"organisation_id": "org_asha"},
        "created_at": 0,
    }


def test_name_without_a_usable_letter_becomes_the_id(razorpay, gateway):
    customer = gateway.make_customer(replace(ASHA, name="आशा", tax_id="", phone=""))

    assert razorpay.account.find("customer", customer)["name"] == "org asha"


def test_customer_is_not_shared_with_another_organisation(gateway):
    gateway.make_customer(ASHA)

    with pytest.raises(GatewayError, match="Another organisation") as caught:
        gateway.make_customer(replace(ASHA, organisation_id="org_other"))
    assert caught.value.permanent


def test_razorpay_is_told_of_new_details(razorpay, gateway):
    customer = gateway.make_customer(ASHA)

    gateway.update_customer(customer, replace(ASHA, name="Asha Rao", email="rao@example.com"))

    kept = razorpay.account.find("customer", customer)
    assert (kept["name"], kept["email"]) == ("Asha Rao", "rao@example.com")
