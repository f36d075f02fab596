"""The account over HTTP: the API for those who have its key, pages for the buyer, and the tests' own controls."""

from __future__ import annotations

import json
import secrets
import socket
import struct
import sys
import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from zupertry.testing.stripe import pages
from zupertry.testing.stripe.api import dispatch
from zupertry.testing.stripe.errors import RefusedError
from zupertry.testing.stripe.events import API_VERSION, EventSender, new_event, signature
from zupertry.testing.stripe.forms import Params, parse_form
from zupertry.testing.stripe.idempotency import Answer, IdempotencyKeys
from zupertry.testing.stripe.payments import Payments


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the API. `headers` have lowercase names."""

    method: str
    path: str
    params: Params
    headers: dict[str, str]


class StripeServer(Payments):
    """The fake; use it as a context manager. `url` is what the gateway's `api_base` takes.

    Requests must bear `secret_key`, whose prefix says whether it is live. Events, signed with `event_secret`, are
    posted to `events_to` and kept in `events`; while `sender.hold_events` is set they are only kept, and
    `sender.deliver(event)` posts any of them, in any order and as often as wanted. `requests` are those to the API.
    """

    def __init__(
        self,
        secret_key: str = "sk_test_fake",
        event_secret: str = "whsec_fake",
        events_to: str = "",
        port: int = 0,
    ) -> None:
        self._http = _HTTPServer(("127.0.0.1", port), _Handler)
        self._http.stripe = self
        livemode = secret_key.startswith(("sk_live_", "rk_live_"))
        super().__init__(
            livemode=livemode,
            sender=EventSender(event_secret, events_to, livemode=livemode),
            url=f"http://127.0.0.1:{self._http.server_port}",
        )
        self.secret_key = secret_key
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self._breaks: deque[str] = deque()
        self._resumed = threading.Event()
        self._keys = IdempotencyKeys()

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.01,), name="stripe", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.resume()
        self.sender.stop()
        self._http.shutdown()
        self._http.server_close()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event so far, in its order."""
        return self.sender.events

    def break_next(self, count: int = 1, how: str = "500") -> None:
        """Let the next `count` requests to the API go wrong.

        `403` · `429` · `500` · `garbage` (HTML) · `truncated` (JSON) · `hang` (no answer) · `reset`: nothing was done.
        `after`: it was done, and the answer is lost. `stall`: it is done once `resume` is called, its idempotency
        key being in use meanwhile. Empty: they go well, and the ones after them don't.
        """
        self._breaks.extend([how] * count)

    def mend(self) -> None:
        """Let every request go well again."""
        self._breaks.clear()

    def resume(self) -> None:
        """Let the requests that stall go on."""
        self._resumed.set()

    def signed_event(
        self, type_: str, value: dict[str, Any], secret: str, timestamp: int | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """Return the body and the headers of an event about any object, signed at `timestamp` (now by default)."""
        event = new_event(type_, value, livemode=self.livemode)
        body = json.dumps(event).encode()
        return body, {"Stripe-Signature": signature(body, secret, timestamp or event["created"])}

    def take(self, request: Request) -> str:
        """Note a request, and return how it is to go wrong; empty if it is not."""
        with self.lock:
            self.requests.append(request)
            return self._breaks.popleft() if self._breaks else ""

    def answer_to(self, request: Request, *, stalls: bool = False) -> Answer:
        """Do what a request asks for, once for each idempotency key."""
        key = request.headers.get("idempotency-key", "")
        try:
            self._check_headers(request)
            if request.method != "POST" or not key:
                return self._done(request, stalls=stalls)
            asked = (request.method, request.path, request.params)
            return self._keys.answer(key, asked, lambda: self._done(request, stalls=stalls))
        except RefusedError as error:
            return Answer(error.status, error.body)

    def _done(self, request: Request, *, stalls: bool) -> Answer:
        """Raises `RefusedError` unless something was done: a declined charge is kept under its key, too."""
        if stalls:
            self._resumed.wait()
        try:
            return Answer(200, dispatch(self, request.method, request.path, request.params))
        except RefusedError as error:
            if error.status != 402:
                raise
            return Answer(error.status, error.body)

    def _check_headers(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not secrets.compare_digest(key.encode(), self.secret_key.encode()):
            raise RefusedError(401, f"Invalid API Key provided: {key[:8]}****{key[-4:]}")
        version = request.headers.get("stripe-version")
        if version != API_VERSION:
            raise RefusedError(400, f"Invalid Stripe API version: {version}")


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    stripe: StripeServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that has gone: it was made to."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HTTPServer

    def do_GET(self) -> None:
        """Answer the API, or show a page."""
        self._serve()

    def do_POST(self) -> None:
        """Answer the API, or take what the buyer chose."""
        self._serve()

    def do_DELETE(self) -> None:
        """Answer the API."""
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what the tests want to know is kept."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        parts = urlsplit(self.path)
        if parts.path.startswith("/v1/"):
            headers = {name.lower(): value for name, value in self.headers.items()}
            params = parse_form(body if self.command == "POST" else parts.query)
            self._serve_api(Request(self.command, parts.path, params, headers))
        else:
            self._serve_page(parts.path, dict(parse_qsl(body)))

    def _serve_api(self, request: Request) -> None:
        how = self.server.stripe.take(request)
        if how in ("", "stall", "after"):
            answer = self.server.stripe.answer_to(request, stalls=how == "stall")
            if how == "after":
                self.close_connection = True
            else:
                self._send_answer(answer)
        else:
            getattr(self, f"_{how}")()

    def _serve_page(self, path: str, form: dict[str, str]) -> None:
        try:
            if self.command == "POST":
                self._send(303, headers={"Location": self._chosen(path, form)})
            else:
                self._send(200, self._page(path).encode(), "text/html; charset=utf-8")
        except (RefusedError, KeyError) as error:
            self._send(404, pages.message_page(f"Not found: {error}").encode(), "text/html; charset=utf-8")

    def _page(self, path: str) -> str:
        stripe = self.server.stripe
        _, kind, *rest = path.split("/")
        with stripe.lock:
            if kind == "c":
                return pages.checkout_page(stripe, stripe.get("checkout.session", rest[-1]))
            if kind == "challenge":
                return pages.challenge_page(stripe.get("payment_intent", rest[0]))
            return pages.document_page(stripe.objects[rest[0] if rest else ""])

    def _chosen(self, path: str, form: dict[str, str]) -> str:
        """Do what the buyer chose, and return where they go next."""
        stripe = self.server.stripe
        reference = path.rpartition("/")[2]
        if "kept" in form:
            return stripe.pay_with_kept(reference, form["kept"])
        if "card" in form:
            return stripe.pay(reference, form["card"])
        if "debit" in form:
            stripe.settle_bank_debit(reference, ok=form["debit"] == "arrives")
            return path
        return stripe.challenge(reference, ok=form["result"] == "complete")

    def _500(self) -> None:
        self._send_answer(
            Answer(
                500,
                {"error": {"type": "api_error", "message": "An unknown error occurred."}},
                {"Stripe-Should-Retry": "false"},
            )
        )

    def _403(self) -> None:
        error = {"type": "invalid_request_error", "message": "The provided key does not have the required permissions."}
        self._send_answer(Answer(403, {"error": error}))

    def _429(self) -> None:
        error = {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests."}
        self._send_answer(Answer(429, {"error": error}))

    def _garbage(self) -> None:
        self._send(200, b"<!DOCTYPE html><title>Sorry</title>", "text/html")

    def _truncated(self) -> None:
        self._send(200, b'{"id": "pi_1", "object": "payment_in', "application/json")

    def _hang(self) -> None:
        self.server.stripe.stopping.wait()
        self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _send_answer(self, answer: Answer) -> None:
        headers = {"Request-Id": f"req_{secrets.token_hex(7)}", "Stripe-Version": API_VERSION, **answer.headers}
        self._send(answer.status, json.dumps(answer.body).encode(), "application/json", headers)

    def _send(
        self, status: int, body: bytes = b"", content_type: str = "", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": content_type, **(headers or {})}.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
