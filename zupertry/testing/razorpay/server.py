"""A Razorpay on loopback: its REST API, its signed events, and a Checkout that can be clicked through.

https://razorpay.com/docs/api · https://razorpay.com/docs/webhooks ·
https://razorpay.com/docs/payments/payment-gateway/web-integration/standard
"""

import base64
import hmac
import json
import socket
import struct
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from zupertry.testing.razorpay import routes
from zupertry.testing.razorpay.account import Account, Fields, RefusedError
from zupertry.testing.razorpay.events import Courier, Told
from zupertry.testing.razorpay.routes import Asked

_CHECKOUT = Path(__file__).with_name("checkout.js")
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class _Break:
    how: str
    on: str


class RazorpayServer:
    """The fake; use it as a context manager. `url` is what `RAZORPAY_API_BASE` takes.

    `requests` are those of the API, in order. Events go to the address `events_to`, which may be set at any time, and
    are kept in `events` in any case. What a buyer, a bank or Razorpay's dashboard would do are methods here.
    """

    def __init__(
        self,
        key_id: str = "rzp_test_Zupertry000000",
        key_secret: str = "a-key-secret-of-the-tests",
        event_secret: str = "an-event-secret-of-the-tests",
        events_to: str = "",
        port: int = 0,
    ) -> None:
        self.key_id, self.key_secret, self.event_secret = key_id, key_secret, event_secret
        self.requests: list[Asked] = []
        self._courier = Courier(event_secret, events_to)
        self.account = Account(key_secret, self._courier.tell)
        self._breaks: deque[_Break] = deque()
        self._stopping = threading.Event()
        self._http = _HTTPServer(("127.0.0.1", port), _Handler)
        self._http.razorpay = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._courier.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self._courier.stop()

    def pay(self, order_id: str, *, notes: Fields | None = None) -> Fields:
        """Pay an order as its buyer, and return the signed answer that their browser brings back.

        `notes` are those that the page gave to Checkout.
        """
        with self.account.lock:
            payment = self.account.begin_payment(order_id, "created", notes=notes or [])
            self.account.authorise(payment)
            self.account.capture(payment["id"], {"amount": payment["amount"]})
            return self.account.answer(payment)

    def fail(self, order_id: str) -> str:
        """Try to pay an order with a card that its bank declines, and return the payment's id."""
        with self.account.lock:
            payment = self.account.begin_payment(order_id, "created")
            self.account.decline(payment, "Your payment was declined by the bank.", "payment_failed")
            return str(payment["id"])

    def begin(self, order_id: str) -> str:
        """Begin to pay, and stop at the bank's page; return the payment's id."""
        with self.account.lock:
            return str(self.account.begin_payment(order_id, "created")["id"])

    def authorise(self, order_id: str) -> Fields:
        """Pay an order, but let nothing be captured; return the signed answer.

        A payment of the order that was begun or failed is authorised late; if there is none, a new one.
        """
        with self.account.lock:
            late = [payment for payment in self.account.all("payment", order_id=order_id) if not payment["captured"]]
            payment = late[0] if late else self.account.begin_payment(order_id, "created")
            self.account.authorise(payment)
            return self.account.answer(payment)

    def capture_late(self, order_id: str) -> Fields:
        """Authorise as `authorise` does, and capture; return the signed answer."""
        with self.account.lock:
            answer = self.authorise(order_id)
            payment = self.account.find("payment", answer["razorpay_payment_id"])
            self.account.capture(payment["id"], {"amount": payment["amount"]})
            return answer

    def refund(self, payment_id: str, amount: int | None = None) -> str:
        """Refund so many paise of a payment, or all, and return the refund's id.

        Of one that was never captured it is what Razorpay does by itself after days.
        """
        with self.account.lock:
            payment = self.account.find("payment", payment_id)
            return str(self.account.give_back(payment, amount or payment["amount"])["id"])

    def fail_refund(self, refund_id: str) -> None:
        """Let a refund come back."""
        with self.account.lock:
            self.account.fail_refund(refund_id)

    def dispute(self, payment_id: str, amount: int | None = None) -> str:
        """Dispute so many paise of a payment, or all, and return the dispute's id."""
        with self.account.lock:
            payment = self.account.find("payment", payment_id)
            return str(self.account.open_dispute(payment, amount or payment["amount"])["id"])

    def close_dispute(self, dispute_id: str, status: str) -> None:
        """End a dispute: `won`, `lost` or `closed`."""
        with self.account.lock:
            self.account.close_dispute(dispute_id, status)

    def settle_recurring(self, payment_id: str, *, ok: bool = True) -> None:
        """Let the bank decide about a charge by mandate, as it does after a day or two."""
        with self.account.lock:
            payment = self.account.find("payment", payment_id)
            if not ok:
                self.account.decline(payment, "Your account has not enough balance.", "insufficient_funds")
                return
            self.account.authorise(payment)
            self.account.capture(payment_id, {"amount": payment["amount"]})

    def decline_next_charge(self) -> None:
        """Let the next charge by mandate be refused at once."""
        self.account.next_charge_declined = True

    def set_token(self, token_id: str, status: str) -> None:
        """Let the bank change a mandate: `initiated`, `confirmed`, `rejected`, `paused` or `cancelled`."""
        with self.account.lock:
            self.account.set_token(token_id, status)

    def break_next(self, count: int, how: str, on: str = "") -> None:
        """Let the next requests of the API, of those that contain `on` (`POST /v1/orders`), go wrong.

        `500` · `429` · `garbage` (a page, with status 200) · `reset` (the connection is cut) · `after` (the same, once
        the work is done) · `hang` (no answer while the server runs).
        """
        self._breaks.extend([_Break(how, on)] * count)

    @property
    def events(self) -> list[Told]:
        """Every event so far, in order."""
        return self._courier.told

    @property
    def events_to(self) -> str:
        """Where events are posted; nowhere while it is empty."""
        return self._courier.to

    @events_to.setter
    def events_to(self, address: str) -> None:
        self._courier.to = address

    def hold_events(self) -> None:
        """Post no further event by itself; `deliver` does, in the order that a test wants."""
        self._courier.holding = True

    def deliver(self, events: Sequence[Told]) -> list[int]:
        """Post events once each, in this order, and return the statuses of the answers. They may be sent again."""
        return [self._courier.post(event) for event in events]

    def wait_for_events(self) -> None:
        """Return once every event was delivered, or given up."""
        self._courier.wait()

    def take_break(self, asked: Asked) -> str:
        """Return how this request goes wrong; empty for well."""
        with self.account.lock:
            broken = next((broken for broken in self._breaks if broken.on in str(asked)), None)
            if broken:
                self._breaks.remove(broken)
            return broken.how if broken else ""

    def hang(self) -> None:
        """Return when the server is stopped."""
        self._stopping.wait()

    def checks(self, authorization: str) -> bool:
        """Say whether a request is by the merchant."""
        expected = base64.b64encode(f"{self.key_id}:{self.key_secret}".encode()).decode()
        return hmac.compare_digest(authorization.encode(), f"Basic {expected}".encode())

    def click(self, action: str, given: Fields) -> Fields:
        """Do what was clicked in Checkout: `pay`, `fail` or `authorise`. Raises `RefusedError`."""
        if given.get("key") != self.key_id:
            raise RefusedError("The api key provided is invalid", status=401, reason="NA")
        order_id = given.get("order_id", "")
        if action == "pay":
            return self.pay(order_id, notes=json.loads(given.get("notes", "{}")))
        if action == "authorise":
            return self.authorise(order_id)
        if action == "fail":
            return {"error": _error_of(self.account.find("payment", self.fail(order_id)))}
        raise RefusedError("The requested URL was not found on the server.", status=404, reason="NA")


def _error_of(payment: Fields) -> Fields:
    """Return what Checkout tells the page of a failed payment."""
    return {
        "code": payment["error_code"],
        "description": payment["error_description"],
        "reason": payment["error_reason"],
        "metadata": {"payment_id": payment["id"], "order_id": payment["order_id"]},
    }


class _HTTPServer(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    block_on_close = False
    razorpay: RazorpayServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what went wrong, unless it is a client that hung up, as one does at its deadline."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HTTPServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what the tests want to know is kept."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlsplit(self.path).path
        try:
            if path == "/v1/checkout.js":
                self._send(200, _CHECKOUT.read_bytes(), "text/javascript; charset=utf-8")
            elif path.startswith("/v1/checkout/"):
                self._send_json(200, self.server.razorpay.click(path.rsplit("/", 1)[1], dict(parse_qsl(body.decode()))))
            else:
                self._answer_api(path, body)
        except RefusedError as refusal:
            self._send_json(refusal.status, {"error": refusal.error})

    def _answer_api(self, path: str, body: bytes) -> None:
        razorpay = self.server.razorpay
        asked = Asked(self.command, path, dict(parse_qsl(urlsplit(self.path).query)), json.loads(body or b"{}"))
        razorpay.requests.append(asked)
        if not razorpay.checks(self.headers.get("Authorization", "")):
            raise RefusedError("Authentication failed", status=401, reason="NA")
        how = razorpay.take_break(asked)
        if how and how != "after":
            self._break(how)
            return
        with razorpay.account.lock:
            answer = json.dumps(routes.answer(razorpay.account, asked)).encode()
        if how:
            self._reset()
        else:
            self._send(200, answer, "application/json")

    def _break(self, how: str) -> None:
        if how == "500":
            raise RefusedError("We are facing some trouble completing your request.", status=500, reason="server_error")
        if how == "429":
            raise RefusedError("Request failed. Please try after sometime.", status=429, reason="NA")
        if how == "garbage":
            self._send(200, b"<!DOCTYPE html><title>Sorry</title>", "text/html")
            return
        if how == "hang":
            self.server.razorpay.hang()
        self._reset()

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close_connection = True

    def _send_json(self, status: int, content: Fields) -> None:
        self._send(status, json.dumps(content).encode(), "application/json")

    def _send(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(body)
