"""Calls of gateways are timed, by what came of them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY

from billing.gateways.base import Buyer, GatewayError
from billing.gateways.razorpay import RazorpayGateway
from billing.gateways.stripe import StripeGateway
from zupertry.testing.razorpay import RazorpayServer
from zupertry.testing.stripe import StripeServer

BUYER = Buyer("org_1", "Alice & Co", "alice@example.com", phone="+919876543210", country="DE")


def calls(gateway: str, operation: str, outcome: str) -> float:
    labels = {"gateway": gateway, "operation": operation, "outcome": outcome}
    return REGISTRY.get_sample_value("zupertry_gateway_call_seconds_count", labels) or 0.0


def stripe(server: StripeServer, key: str = "") -> StripeGateway:
    return StripeGateway(secret_key=key or server.secret_key, event_secrets=["whsec_x"], api_base=server.url)


def test_a_call_that_works_is_refused_or_finds_its_key_unknown_is_each_counted_as_that() -> None:
    before = {outcome: calls("stripe", "make_customer", outcome) for outcome in ("ok", "unauthorised")}
    refused = calls("stripe", "look", "refused")
    with StripeServer() as server:
        stripe(server).make_customer(BUYER)
        with pytest.raises(GatewayError):
            stripe(server, "sk_test_wrong").make_customer(replace(BUYER, organisation_id="org_2"))
        with pytest.raises(GatewayError):
            stripe(server).look(checkout_reference="cs_none", gateway_reference="")
    assert {outcome: calls("stripe", "make_customer", outcome) - number for outcome, number in before.items()} == {
        "ok": 1,
        "unauthorised": 1,
    }
    assert calls("stripe", "look", "refused") - refused == 1


def test_a_gateway_that_is_gone_is_counted_as_failed() -> None:
    before = calls("razorpay", "make_customer", "failed")
    with RazorpayServer() as server:
        gateway = RazorpayGateway(server.key_id, server.key_secret, ["x"], server.url)
    with pytest.raises(GatewayError):
        gateway.make_customer(BUYER)
    assert calls("razorpay", "make_customer", "failed") - before == 1


def test_going_through_pages_is_counted_and_gives_what_it_gave() -> None:
    before = calls("stripe", "paid_since", "ok")
    with StripeServer() as server:
        assert list(stripe(server).paid_since(timezone.now() - timedelta(days=1))) == []
    assert calls("stripe", "paid_since", "ok") - before == 1
