"""What came in the clear goes on by TLS, where a proxy that we trust says so."""

import json
from ipaddress import ip_network

import pytest
from django.test import Client


@pytest.fixture(autouse=True)
def _behind_a_proxy(settings) -> None:
    settings.PUBLIC_URL = "https://app.example.com"
    settings.ALLOWED_HOSTS = ["app.example.com", "other.example.com"]
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]


def client(peer: str = "10.0.0.1", **headers: str) -> Client:
    return Client(REMOTE_ADDR=peer, headers={"host": "app.example.com", **headers})


@pytest.mark.parametrize("host", ["app.example.com", "other.example.com"])
@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/docs/api?a=b", "/docs/api?a=b"),
        ("/nothing", "/nothing"),
        ("//evil.example/", "//evil.example/"),
        ("/@evil.example", "/@evil.example"),
    ],
)
def test_a_visitor_is_sent_to_the_public_address(host, path, there):
    path, _, query = path.partition("?")
    answer = client(x_forwarded_proto="http", host=host).get("/", PATH_INFO=path, QUERY_STRING=query)
    assert (answer.status_code, answer["Location"]) == (301, f"https://app.example.com{there}")
    assert "Strict-Transport-Security" in answer


@pytest.mark.parametrize(("method", "address"), [("GET", "/v1/account"), ("POST", "/v1/tryon"), ("POST", "/login")])
def test_a_key_or_a_password_in_the_clear_is_refused_with_what_to_do(method, address):
    answer = client(x_forwarded_proto="http").generic(method, address)
    assert answer.status_code == 400
    assert "https://" in answer.content.decode()
    if address.startswith("/v1/"):
        assert json.loads(answer.content)["error"]["code"] == "bad_request"


@pytest.mark.parametrize(
    ("peer", "headers"),
    [("10.0.0.1", {"x_forwarded_proto": "https"}), ("10.0.0.1", {}), ("203.0.113.9", {"x_forwarded_proto": "http"})],
)
def test_everything_else_is_answered(peer, headers):
    """Also a health check on the machine itself, and what a stranger pretends."""
    assert client(peer, **headers).get("/healthz").status_code == 200


def test_where_the_world_reaches_us_without_tls_nobody_is_sent_away(settings):
    settings.PUBLIC_URL = "http://app.example.com"
    assert client(x_forwarded_proto="http").get("/healthz").status_code == 200
