import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from billing.gateways import razorpay_client
from billing.gateways.base import GatewayError
from billing.gateways.razorpay import RazorpayGateway
from billing.tests.gateways.razorpay.scenario import look
from zupertry.testing.razorpay import RazorpayServer


@pytest.mark.parametrize("how", ["500", "429", "garbage", "reset"])
def test_trouble_may_pass(razorpay, gateway, order, how):
    razorpay.break_next(1, how)

    with pytest.raises(GatewayError) as caught:
        gateway.open_checkout(order)
    assert not caught.value.permanent
    assert gateway.open_checkout(order).reference.startswith("order_")


def test_silent_razorpay_is_not_waited_for_long(razorpay, gateway, order, monkeypatch):
    monkeypatch.setattr(razorpay_client, "TIMEOUT_SECONDS", 0.2)
    razorpay.break_next(1, "hang")

    started = time.monotonic()
    with pytest.raises(GatewayError, match="ReadTimeout") as caught:
        gateway.open_checkout(order)
    assert time.monotonic() - started < 5
    assert not caught.value.permanent


def test_silence_may_pass(razorpay, order):
    with RazorpayServer() as gone:
        address = gone.url
    gateway = RazorpayGateway(razorpay.key_id, razorpay.key_secret, [], address)

    with pytest.raises(GatewayError) as caught:
        gateway.open_checkout(order)
    assert not caught.value.permanent


def test_a_refusal_is_permanent_and_keeps_the_reason(gateway, order):
    with pytest.raises(GatewayError, match="The amount must be at least") as caught:
        gateway.open_checkout(replace(order, net_minor=1, tax_minor=0))
    assert caught.value.permanent
    assert caught.value.code == "input_validation_failed"


def test_a_wrong_key_is_permanent_and_stays_secret(razorpay, order):
    stranger = RazorpayGateway(razorpay.key_id, "a-wrong-secret", [], razorpay.url)

    with pytest.raises(GatewayError, match="Authentication failed") as caught:
        stranger.open_checkout(order)
    assert caught.value.permanent
    assert "a-wrong-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [{"amount": "177000"}, {"amount": None}, {"created_at": 10**18}, {"created_at": None}, {"id": None}],
)
def test_an_entity_that_is_not_as_documented_may_pass(razorpay, gateway, order, change):
    checkout = gateway.open_checkout(order)
    payment_id = razorpay.pay(checkout.reference)["razorpay_payment_id"]
    razorpay.account.find("payment", payment_id).update(change)

    with pytest.raises(GatewayError, match="can't be read") as caught:
        look(gateway, checkout)
    assert not caught.value.permanent


def test_many_threads_share_one_gateway(razorpay, gateway, order):
    orders = [replace(order, payment_id=f"pay_{number}") for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        checkouts = list(pool.map(gateway.open_checkout, orders))
        seen = list(pool.map(lambda checkout: look(gateway, checkout), checkouts))

    assert [snapshot.payment_id for snapshot in seen] == [order.payment_id for order in orders]


def test_nothing_is_printed(razorpay, gateway, order, capsys):
    razorpay.break_next(1, "reset")
    with pytest.raises(GatewayError):
        gateway.open_checkout(order)

    assert capsys.readouterr() == ("", "")
