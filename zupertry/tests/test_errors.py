"""Every error under `/v1/` is the same envelope, and says what to do."""

import errno
import json
import logging
import re
import sqlite3
from io import RawIOBase

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory
from werkzeug.test import run_wsgi_app

from accounts.models import WebhookEndpoint
from zupertry.core.error_views import permission_denied, server_error
from zupertry.core.errors import STATUS
from zupertry.core.requests import enter_request
from zupertry.testing.api import ApiClient, refusal
from zupertry.wsgi import application

CONTRACT = {
    400: "bad_request",
    401: "unauthorized invalid_api_key api_key_revoked api_key_disabled",
    402: "insufficient_credits",
    403: "account_suspended forbidden",
    404: "workspace_not_found job_not_found not_found",
    405: "method_not_allowed",
    409: "job_not_cancellable idempotency_conflict",
    413: "payload_too_large",
    415: "unsupported_media_type",
    422: "validation_error",
    429: "rate_limit_exceeded api_key_limit_reached workspace_limit_reached",
    500: "internal_error",
    503: "service_unavailable",
}
ROUTES = {
    "/v1/tryon": {"POST"},
    "/v1/jobs": {"GET", "HEAD"},
    "/v1/jobs/job_00000000000000000000000000": {"GET", "HEAD", "DELETE"},
    "/v1/workspaces": {"GET", "HEAD"},
    "/v1/account": {"GET", "HEAD"},
    "/v1/openapi.json": {"GET", "HEAD"},
}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]


@pytest.fixture
def alice(world):
    return ApiClient(world.alice.live_key)


def test_every_code_has_its_status():
    for status, codes in CONTRACT.items():
        assert {STATUS[code] for code in codes.split()} == {status}


# Routes and methods


@pytest.mark.parametrize(
    "path",
    [
        "/v1/",
        "/v1/nothing",
        "/v1/jobs/",
        "/v1/tryon/",
        "/v1/account/",
        "/v1/openapi.json/",
        "/v1/jobs/job_1/more",
        "/v1/jobs%0A",
        "/v1//jobs",
        "/v1/%00",
        "/v1/%FF",
        "/v1/JOBS",
        "/v1/jobs.json",
        "/v1/%2e%2e/admin",
        "/v1/" + "a" * 3000,
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_route_is_404_with_or_without_a_slash(alice, path, method):
    refusal(alice.generic(method, path), 404, "not_found")
    refusal(ApiClient().generic(method, path), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "method"),
    [(path, method) for path, allowed in ROUTES.items() for method in METHODS if method not in allowed],
)
def test_a_wrong_method_is_405_and_tells_the_right_ones(alice, path, method):
    response = alice.generic(method, path, b"{", content_type="text/plain")
    error = refusal(response, 405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == ROUTES[path]
    assert "GET" in error["message"] or "POST" in error["message"]


@pytest.mark.parametrize("path", [path for path, allowed in ROUTES.items() if "HEAD" in allowed and "job_" not in path])
def test_head_is_get_without_a_body(alice, path):
    get, head = alice.get(path), alice.head(path)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["Content-Type"] == get.headers["Content-Type"] == "application/json"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/nothing", "404 Not Found"), ("/v1/tryon", "401 Unauthorized"), ("/docs/jobs", "200 OK")],
)
def test_an_answer_to_head_leaves_the_application_without_a_body(path, status):
    """Django's test client would take the body away by itself."""
    environ = RequestFactory().head(path).environ
    body, answered, headers = run_wsgi_app(application, environ, buffered=True)
    assert (answered, b"".join(body)) == (status, b"")
    assert int(headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "image/png", "nonsense", "", "application/json;q=0"]
)
@pytest.mark.parametrize("query", ["", "?format=xml", "?format=api", "?format=json"])
def test_answers_are_json_whatever_is_asked_for(alice, accept, query):
    answer = alice.get(f"/v1/account{query}", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["plan"] == "starter"
    refusal(alice.get(f"/v1/nothing{query}", headers={"Accept": accept}), 404, "not_found")


# Broken requests, crashes, and a database that is down


@pytest.mark.parametrize("host", ["evil.example.com", "localhost:x", "a b", "", "[::1", "localhost/"])
@pytest.mark.parametrize("path", ["/v1/account", "/v1/nothing", "/v1/openapi.json"])
def test_a_host_that_is_not_ours_is_a_bad_request(alice, host, path):
    refusal(alice.get(path, headers={"Host": host}), 400, "bad_request")


def test_a_crash_is_the_envelope_and_is_logged_with_its_traceback(world, caplog):
    """An organisation without a webhook endpoint is what our code never makes and never expects."""
    WebhookEndpoint.objects.all().delete()
    alice = ApiClient(world.alice.live_key, raise_request_exception=False)
    with caplog.at_level(logging.ERROR):
        response = alice.submit(headers={"X-Request-Id": "crash-test"})
    error = refusal(response, 500, "internal_error")
    assert error["request_id"] == "crash-test"
    assert "webhook_endpoint" not in response.content.decode(), "what broke is not the customer's business"
    assert response.headers["RateLimit-Limit"] == "100000"
    (record,) = (record for record in caplog.records if "view_crashed" in record.getMessage())
    assert record.exc_info is not None or "Traceback" in record.getMessage() or "exc_info" in str(record.msg)
    assert "crash-test" in str(record.msg)


def test_a_crash_outside_of_any_view_is_the_envelope_too():
    enter_request("outside-of-views")
    for view, status, code in ((server_error, 500, "internal_error"), (permission_denied, 403, "forbidden")):
        response = view(RequestFactory().get("/v1/account"), PermissionError())
        assert isinstance(response, HttpResponse)
        assert response.status_code == status
        error = json.loads(response.content)["error"]
        assert (error["code"], error["request_id"]) == (code, "outside-of-views")


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/job_00000000000000000000000000", "/v1/ledger"])
def test_more_parameters_than_are_read_are_a_bad_request(alice, path):
    refusal(alice.get(f"{path}?{'a&' * 1001}"), 400, "bad_request")


class HungUp(RawIOBase):
    """A connection whose client is gone."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")


@pytest.mark.django_db(transaction=True)
def test_a_client_that_hangs_up_amid_its_body_is_no_crash_of_ours(world, caplog):
    environ = RequestFactory().post("/v1/tryon", {}, content_type="application/json").environ
    environ |= {"HTTP_AUTHORIZATION": f"Bearer {world.alice.test_key}", "CONTENT_LENGTH": "500", "wsgi.input": HungUp()}
    body, status, _ = run_wsgi_app(application, environ, buffered=True)
    assert status == "400 Bad Request"
    assert json.loads(b"".join(body))["error"]["code"] == "bad_request"
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL is stopped in test_wire.py")
def test_a_database_that_does_not_answer_is_503(world):
    alice = ApiClient(world.alice.live_key)
    alice.get("/v1/account")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(connection.settings_dict["NAME"])
    other.execute("BEGIN EXCLUSIVE")
    response = alice.submit()
    refusal(response, 503, "service_unavailable")
    assert int(response.headers["Retry-After"]) >= 1
    other.rollback()
    other.close()
    assert alice.submit().status_code == 202
    connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("charset", ["hex", "undefined", "utf-16", "\xff"])
def test_no_charset_makes_the_service_stumble(world, charset):
    """Django's test client makes requests of its own kind, hence the WSGI application itself."""
    environ = RequestFactory().get("/v1/jobs", {"client_reference_id": "é", "limit": "1"}).environ
    environ["HTTP_AUTHORIZATION"] = f"Bearer {world.alice.test_key}"
    environ["CONTENT_TYPE"] = f"application/json; charset={charset}"
    body, status, _ = run_wsgi_app(application, environ, buffered=True)
    assert status == "200 OK"
    assert json.loads(b"".join(body)) == {"jobs": [], "next_cursor": None, "has_more": False}


# Headers


@pytest.mark.parametrize("sent", ["a" * 8, "a" * 64, "req_0123-AZ", "________"])
@pytest.mark.parametrize("path", ["/v1/account", "/v1/nothing", "/v1/openapi.json", "/healthz", "/nothing"])
def test_a_request_id_of_8_to_64_plain_characters_is_kept(alice, path, sent):
    assert alice.get(path, headers={"X-Request-Id": sent}).headers["X-Request-Id"] == sent


@pytest.mark.parametrize("sent", ["", "short12", "a" * 65, "with space", "ümlaut-ümlaut", "semi;colon", "line\nbreak1"])
def test_any_other_request_id_is_replaced(alice, sent):
    first, second = (alice.get("/v1/account", headers={"X-Request-Id": sent}) for _ in range(2))
    made = [response.headers["X-Request-Id"] for response in (first, second)]
    assert sent not in made
    assert made[0] != made[1]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{8,64}", id_) for id_ in made)


def test_authenticated_answers_say_how_the_rate_limit_stands_refusals_too(alice):
    answers = [
        alice.get("/v1/account"),
        alice.get("/v1/jobs"),
        alice.submit(),
        alice.tryon(b"{"),
        alice.get("/v1/jobs/job_unknown"),
        alice.delete("/v1/jobs/job_unknown"),
        alice.put("/v1/jobs"),
        alice.post("/v1/tryon", b"x" * 70_000, content_type="application/json"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 202, 422, 404, 404, 405, 413]
    for number, answer in enumerate(answers, 1):
        assert answer.headers["RateLimit-Limit"] == "100000"
        assert answer.headers["RateLimit-Remaining"] == str(100_000 - number)
        assert 1 <= int(answer.headers["RateLimit-Reset"]) <= 60


def test_a_validation_error_names_the_fields(alice):
    error = refusal(alice.submit(metadata=1, client_reference_id=2), 422, "validation_error")
    assert set(error["fields"]) == {"metadata", "client_reference_id"}
    assert "fields" not in refusal(alice.tryon(b"{"), 422, "validation_error")


def test_elsewhere_errors_are_pages(client, db):
    response = client.get("/nothing")
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.headers["X-Request-Id"] in response.content.decode()
