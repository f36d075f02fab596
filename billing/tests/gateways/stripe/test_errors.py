import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from billing.gateways.base import Gateway, Order
from billing.tests.gateways.stripe.purchases import ALICE, CHARLIE, RETURN_URL, failure, gateway_at, look, order_for
from zupertry.testing.stripe import StripeServer

EVERY_CALL: dict[str, Callable[[Gateway, str], object]] = {
    "make_customer": lambda gateway, customer: gateway.make_customer(CHARLIE),
    "update_customer": lambda gateway, customer: gateway.update_customer(customer, ALICE),
    "open_checkout": lambda gateway, customer: gateway.open_checkout(order_for(customer)),
    "charge": lambda gateway, customer: gateway.charge(order_for(customer), "pm_1", ALICE),
    "authenticate": lambda gateway, customer: gateway.authenticate("pi_1", RETURN_URL),
    "look at a session": lambda gateway, customer: look(gateway, "cs_1"),
    "look at an intent": lambda gateway, customer: look(gateway, "pi_1"),
    "look_at_method": lambda gateway, customer: gateway.look_at_method(customer, "pm_1"),
    "forget_method": lambda gateway, customer: gateway.forget_method(customer, "pm_1"),
    "paid_since": lambda gateway, customer: list(gateway.paid_since(datetime.now(UTC))),
}


@pytest.mark.parametrize("call", EVERY_CALL)
def test_whatever_stripe_answers_when_it_is_unwell_may_pass(
    stripe: StripeServer, gateway: Gateway, customer: str, call: str
) -> None:
    for how in ("500", "429", "garbage", "truncated"):
        stripe.break_next(how=how)
        error = failure(lambda: EVERY_CALL[call](gateway, customer))
        assert (how, error.permanent) == (how, False)
        assert error.message.startswith("Stripe")


@pytest.mark.parametrize("body", [b"[]", b'"ok"', b"null", b"{}", b"7", b'{"error": "boom"}', b'{"id": null}'])
def test_json_that_is_not_stripes_may_pass(body: bytes) -> None:
    with answering(body) as url:
        gateway = gateway_at(url)
        for call in EVERY_CALL.values():
            assert not failure(lambda: call(gateway, "cus_1")).permanent  # noqa: B023


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """A server on loopback that answers everything with one body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def do_DELETE(self) -> None:
            self.answer()

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("how", ["hang", "reset"])
def test_a_connection_that_fails_is_tried_once_more_and_then_may_pass(
    stripe: StripeServer, order: Order, how: str
) -> None:
    gateway = gateway_at(stripe.url, timeout=0.2)
    stripe.break_next(2, how)
    error = failure(lambda: gateway.open_checkout(order))
    assert not error.permanent
    assert error.message.startswith("Stripe can't be reached: ")
    assert stripe.all("checkout.session") == []
    stripe.break_next(1, how)
    assert gateway.open_checkout(order).reference == stripe.all("checkout.session")[0]["id"]


def test_nobody_at_the_address_may_pass() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert not failure(lambda: look(gateway_at(f"http://127.0.0.1:{port}"), "cs_1")).permanent


def test_a_charge_whose_answer_is_lost_is_found_under_the_same_key(
    stripe: StripeServer, gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    method, order = kept("succeeds"), order_for(customer, 2)
    stripe.break_next(2, "after")
    assert not failure(lambda: gateway.charge(order, method, ALICE)).permanent
    (made, _) = stripe.all("payment_intent")
    assert gateway.charge(order, method, ALICE).gateway_reference == made["id"]
    assert len(stripe.all("payment_intent")) == 2


def test_a_charge_that_was_made_is_never_refused_for_good(
    stripe: StripeServer, gateway: Gateway, kept: Callable[[str], str], customer: str
) -> None:
    """The key may charge, but not look."""
    method = kept("succeeds")
    stripe.break_next(1, "")
    stripe.break_next(1, "403")
    error = failure(lambda: gateway.charge(order_for(customer, 2), method, ALICE))
    assert "403" in error.message
    assert not error.permanent


def test_what_the_key_may_not_do_is_refused_for_good(stripe: StripeServer, gateway: Gateway, order: Order) -> None:
    stripe.break_next(1, "403")
    assert failure(lambda: gateway.open_checkout(order)).permanent


def test_a_request_that_is_still_being_answered_may_pass(stripe: StripeServer, order: Order) -> None:
    """The first try runs into our time limit while Stripe is at work, the second finds its key in use."""
    gateway = gateway_at(stripe.url, timeout=0.2)
    stripe.break_next(1, "stall")
    error = failure(lambda: gateway.open_checkout(order))
    assert (error.permanent, error.code) == (False, "idempotency_key_in_use")
    stripe.resume()
    until = time.monotonic() + 10
    while not stripe.all("checkout.session") and time.monotonic() < until:
        time.sleep(0.01)
    assert gateway.open_checkout(order).reference == stripe.all("checkout.session")[0]["id"]


def test_a_wrong_key_is_refused_for_good_and_no_message_tells_it(stripe: StripeServer) -> None:
    wrong = "sk_test_51H8wrongwrongwrong"
    error = failure(lambda: gateway_at(stripe.url, secret_key=wrong).make_customer(ALICE))
    assert error.permanent
    assert "401" in error.message
    assert wrong not in repr(error)
    assert "sk_test_5" not in error.message


def test_the_librarys_telemetry_is_off(stripe: StripeServer, gateway: Gateway, customer: str) -> None:
    assert not any("x-stripe-client-telemetry" in request.headers for request in stripe.requests)
    assert not any("telemetry_id" in request.headers["x-stripe-client-user-agent"] for request in stripe.requests)
