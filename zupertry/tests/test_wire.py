"""Real processes from outside: the main job, requests that no client library sends, and a database that stops."""

import hashlib
import hmac
import json
import os
import socket
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from http.client import HTTPResponse
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from standardwebhooks import Webhook

from zupertry.bootstrap import Bootstrapped
from zupertry.testing.api import SUCCESS
from zupertry.testing.receiver import WebhookReceiver
from zupertry.testing.servers import PostgresServer
from zupertry.testing.service import Service

BODY = json.dumps({"model_image_url": SUCCESS, "garment_image_url": SUCCESS}).encode()


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer | None]:
    """A server that a test may stop; None where the database is a file."""
    if not os.environ.get("DATABASE_URL"):
        yield None
        return
    with PostgresServer() as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer | None) -> Iterator[Service]:
    own = {"DATABASE_URL": postgres.url} if postgres else {}
    with Service(tmp_path_factory.mktemp("service"), {"OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8", **own}) as running:
        yield running


@pytest.fixture(scope="module")
def alice(service: Service) -> Bootstrapped:
    return service.bootstrap()


def test_a_test_key_gets_a_picture_and_a_signed_webhook(service, alice):
    with WebhookReceiver() as receiver:
        request = {"model_image_url": SUCCESS, "garment_image_url": SUCCESS, "webhook_url": receiver.url()}
        accepted = service.call("POST", "/v1/tryon", alice.test_key, request)
        assert accepted.status == 202, accepted.body
        webhook = receiver.wait_for(1)[0]

    job = service.call("GET", f"/v1/jobs/{accepted.body['job_id']}?wait=10", alice.test_key).body
    assert job["status"] == "completed"
    with urllib.request.urlopen(job["output_url"]) as answer:
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert Image.open(BytesIO(answer.read())).size == (512, 600)
    assert Webhook(alice.webhook_secret).verify(webhook.body, webhook.headers)["data"]["job_id"] == job["job_id"]
    expected = hmac.new(alice.webhook_secret.encode(), webhook.body, hashlib.sha256).hexdigest()
    assert webhook.headers["x-zupertry-signature"] == expected


def test_a_slow_test_job_can_be_cancelled_until_it_begins(service, alice):
    slow = {"model_image_url": "https://test.zupertry.com/slow.jpg", "garment_image_url": SUCCESS}
    first, second = [service.call("POST", "/v1/tryon", alice.test_key, slow).body["job_id"] for _ in range(2)]
    cancelled = service.call("DELETE", f"/v1/jobs/{first}", alice.test_key)
    assert (cancelled.status, cancelled.body["status"]) == (200, "cancelled")

    seen = ["pending"]
    while seen[-1] in {"pending", "processing"}:
        job = service.call("GET", f"/v1/jobs/{second}", alice.test_key).body
        if job["status"] != seen[-1]:
            seen.append(job["status"])
            late = service.call("DELETE", f"/v1/jobs/{second}", alice.test_key)
            assert (late.status, late.body["error"]["code"]) == (409, "job_not_cancellable")
        time.sleep(0.1)
    assert seen == ["pending", "processing", "completed"]
    assert service.call("GET", f"/v1/jobs/{first}", alice.test_key).body["status"] == "cancelled"


@dataclass(frozen=True)
class Reply:
    """What came back on a socket."""

    status: int
    headers: Message
    body: bytes

    def error(self, status: int, code: str) -> dict[str, Any]:
        """Return the `error` of what has to be the envelope."""
        assert self.status == status, self
        error: dict[str, Any] = json.loads(self.body)["error"]
        assert error["code"] == code
        assert error["request_id"] == self.headers["X-Request-Id"]
        assert self.headers["X-Content-Type-Options"] == "nosniff"
        return error


def reply_on(client: socket.socket) -> Reply:
    """Return the next answer on a connection, which stays open."""
    with HTTPResponse(client) as response:
        response.begin()
        return Reply(response.status, response.headers, response.read())


def exchange(service: Service, *sent: bytes, shut: bool = False) -> Reply:
    """Send bytes as they are, and return the answer. `shut` says that nothing follows."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as client:
        for piece in sent:
            client.sendall(piece)
        if shut:
            client.shutdown(socket.SHUT_WR)
        return reply_on(client)


def log_of(service: Service) -> str:
    """Return what the process that answers has logged."""
    return (service.var_dir / f"{'web' if 'web' in service.processes else 'up'}.log").read_text()


def head(service: Service, key: str, *lines: str, request: str = "POST /v1/tryon", host: str = "") -> bytes:
    """Return the head of a request, with these header lines added."""
    first = [f"{request} HTTP/1.1", f"Host: {host or f'localhost:{service.port}'}", "Connection: close"]
    credentials = [f"Authorization: Bearer {key}"] if key else []
    return "\r\n".join([*first, *credentials, *lines, "", ""]).encode("latin-1")


JSON = "Content-Type: application/json"


def test_a_well_made_request_passes(service, alice):
    reply = exchange(service, head(service, alice.test_key, JSON, f"Content-Length: {len(BODY)}"), BODY)
    assert reply.status == 202
    assert json.loads(reply.body)["status"] == "pending"


def test_a_body_may_wait_for_100_continue(service, alice):
    lines = [JSON, f"Content-Length: {len(BODY)}", "Expect: 100-continue"]
    assert exchange(service, head(service, alice.test_key, *lines), BODY).status == 202


def test_no_content_length_is_refused(service, alice):
    exchange(service, head(service, alice.test_key, JSON)).error(422, "validation_error")


def test_a_chunked_body_is_refused(service, alice):
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    request = head(service, alice.test_key, JSON, "Transfer-Encoding: chunked")
    exchange(service, request, chunks).error(422, "validation_error")


@pytest.mark.parametrize("length", [64 * 1024 + 1, 10**12])
def test_a_body_over_64_kib_is_refused_before_any_of_it_is_sent(service, alice, length):
    request = head(service, alice.test_key, JSON, f"Content-Length: {length}")
    exchange(service, request).error(413, "payload_too_large")


def test_a_body_that_ends_too_soon_is_refused(service, alice):
    request = head(service, alice.test_key, JSON, f"Content-Length: {len(BODY)}")
    exchange(service, request, BODY[:-5], shut=True).error(422, "validation_error")


@pytest.mark.parametrize("host", ["evil.example.com", "localhost:port", "-"])
def test_a_host_that_is_not_ours_is_a_bad_request_and_a_line_of_warning(service, alice, host):
    before = log_of(service)
    request = head(service, alice.test_key, request="GET /v1/account", host=host)
    exchange(service, request).error(400, "bad_request")
    logged = log_of(service).removeprefix(before)
    assert logged.count("Invalid HTTP_HOST header") == 1
    assert "Traceback" not in logged
    assert "[error" not in logged


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/account", 200), ("/v1/nothing", 404), ("/v1/tryon", 405), ("/", 200), ("/nothing", 404), ("/healthz", 200)],
)
def test_head_is_get_without_its_body_and_tells_its_length(service, alice, path, status):
    before = log_of(service)
    id_ = "X-Request-Id: the-same-both-times"
    got = exchange(service, head(service, alice.test_key, id_, request=f"GET {path}"))
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as client:
        client.sendall(head(service, alice.test_key, id_, request=f"HEAD {path}"))
        first, _, rest = client.makefile("rb").read().partition(b"\r\n")
    assert (got.status, int(first.split()[1])) == (status, status)
    told, _, body = rest.partition(b"\r\n\r\n")
    assert body == b""
    headers = message_from_bytes(told)
    assert headers["Content-Length"] == got.headers["Content-Length"] == str(len(got.body))
    assert headers["Content-Type"] == got.headers["Content-Type"]
    assert "body bytes" not in log_of(service).removeprefix(before)


def test_a_charset_that_is_no_text_is_ignored(service, alice):
    lines = ["Content-Type: application/json; charset=hex", "Content-Length: 0"]
    reply = exchange(service, head(service, alice.test_key, *lines, request="GET /v1/jobs?limit=1"))
    assert reply.status == 200


@pytest.mark.parametrize(
    "spoilt",
    [
        b"nonsense\r\n\r\n",
        b"GET /v1/" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v1/account HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /v1/account HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /v1/account HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
        b"POST /v1/tryon HTTP/1.1\r\nHost: localhost\r\nContent-Length: abc\r\n\r\n",
        b"POST /v1/tryon HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_what_is_no_http_is_answered_in_the_envelope_too(service, alice, spoilt):
    exchange(service, spoilt, shut=True).error(400, "bad_request")
    assert service.call("GET", "/v1/account", alice.live_key).status == 200


def test_a_refused_body_does_not_spoil_the_next_request_on_the_connection(service, alice):
    body = b'{"GET /v1/nothing HTTP/1.1": 1}'
    first = head(service, "", JSON, f"Content-Length: {len(body)}").replace(b"Connection: close\r\n", b"")
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as client:
        client.sendall(first + body)
        assert reply_on(client).status == 401
        client.sendall(head(service, alice.live_key, request="GET /v1/account"))
        assert reply_on(client).status == 200


def test_while_the_database_is_down_it_is_503_and_afterwards_all_is_well(service, alice, postgres):
    if postgres is None:
        pytest.skip("SQLite's file does not stop")
    postgres.stop()
    calls = [("GET", "/v1/account"), ("POST", "/v1/tryon"), ("GET", "/v1/jobs"), ("DELETE", "/v1/jobs/job_x")]
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(service.call, method, path, alice.live_key, {}) for method, path in calls]
        readiness = pool.submit(service.call, "GET", "/readyz")
        assert service.call("GET", "/healthz").status == 200
        assert service.call("GET", "/v1/openapi.json").status == 200
    for answer in (future.result() for future in answers):
        assert (answer.status, answer.body["error"]["code"]) == (503, "service_unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
    ready = readiness.result()
    assert (ready.status, ready.body["down"]) == (503, ["database"])
    postgres.start()
    _wait_until_well(service, alice.live_key)


def _wait_until_well(service: Service, key: str, seconds: float = 30.0) -> None:
    """Return after three good answers in a row. Anything but 200 and 503 meanwhile is an error."""
    end, good = time.monotonic() + seconds, 0
    while good < 3:
        status = service.call("GET", "/v1/account", key).status
        assert status in {200, 503}
        good = good + 1 if status == 200 else 0
        assert time.monotonic() < end, f"not well after {seconds:g} s"
