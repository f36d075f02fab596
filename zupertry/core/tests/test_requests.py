"""Whom a request is from, as the proxies in front of us say."""

from ipaddress import ip_network

import pytest
from allauth.account.adapter import get_adapter
from django.http import HttpResponse
from django.test import RequestFactory

from zupertry.core.requests import TrustedProxyMiddleware, client_address

pytestmark = pytest.mark.usefixtures("proxies")


@pytest.fixture
def proxies(settings) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def seen(peer: str, **headers: str):
    """Return the request as the views see it."""
    requests = []
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)
    TrustedProxyMiddleware(lambda request: requests.append(request) or HttpResponse())(request)
    return requests[0]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, nonsense", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("fd00::1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_forwarded_addresses_are_believed_as_far_as_our_own_proxies_wrote_them(peer, forwarded_for, client):
    assert client_address(peer, forwarded_for) == client


def test_a_spoofed_header_of_a_stranger_changes_neither_address_nor_scheme():
    request = seen("203.0.113.9", x_forwarded_for="198.51.100.1", x_forwarded_proto="https")

    assert request.META["REMOTE_ADDR"] == "203.0.113.9"
    assert request.scheme == "http"
    assert get_adapter(request).get_client_ip(request) == "203.0.113.9"


def test_a_trusted_proxy_names_client_and_scheme():
    request = seen("10.0.0.1", x_forwarded_for="198.51.100.1", x_forwarded_proto="https")

    assert get_adapter(request).get_client_ip(request) == "198.51.100.1"
    assert request.is_secure()


def test_a_scheme_that_is_none_is_ignored():
    assert seen("10.0.0.1", x_forwarded_proto="gopher").scheme == "http"


def test_nobody_is_trusted_unless_named(settings):
    settings.TRUSTED_PROXIES = []
    assert seen("127.0.0.1", x_forwarded_for="198.51.100.1").META["REMOTE_ADDR"] == "127.0.0.1"
