"""Which addresses the service may reach on a customer's word.

Nothing here touches the network. `parse_target` is the only parser of outbound URLs: `check_url` judges by it, and
the client in `zupertry.core.http` connects to what it returns, so that what is checked is what is reached.
"""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

EVERYWHERE: list[Network] = [IPv4Network("0.0.0.0/0"), IPv6Network("::/0")]
"""For reading a URL where whether it may be reached does not matter."""

MAX_URL_LENGTH = 2_048
"""Characters of a URL that a customer gives; one that it redirects to may be longer."""

# `ipaddress.is_global` changes between Python releases and lets multicast, tunnels and clouds' own addresses
# through, hence lists of our own.
# https://www.iana.org/assignments/iana-ipv4-special-registry and .../iana-ipv6-special-registry
_NOT_PUBLIC_V4 = [
    IPv4Network("0.0.0.0/8"),
    IPv4Network("10.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),  # carrier-grade NAT; Alibaba's metadata service
    IPv4Network("127.0.0.0/8"),
    IPv4Network("168.63.129.16/32"),  # Azure's host agent
    IPv4Network("169.254.0.0/16"),  # link-local; the metadata service of most clouds
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.0.0.0/24"),  # protocol assignments; Oracle's metadata service
    IPv4Network("192.0.2.0/24"),
    IPv4Network("192.88.99.0/24"),  # 6to4 relays
    IPv4Network("192.168.0.0/16"),
    IPv4Network("198.18.0.0/15"),
    IPv4Network("198.51.100.0/24"),
    IPv4Network("203.0.113.0/24"),
    IPv4Network("224.0.0.0/4"),
    IPv4Network("240.0.0.0/4"),
]
# The only block allocated for global unicast. Outside it lie loopback, link-local, unique local, site-local and
# multicast addresses, and those that carry an IPv4 address: mapped, compatible, NAT64.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = [
    IPv6Network("2001::/23"),  # protocol assignments, Teredo among them
    IPv6Network("2001:db8::/32"),
    IPv6Network("2002::/16"),  # 6to4: carries an IPv4 address
    IPv6Network("3fff::/20"),
]

_HOST_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")


class UrlError(ValueError):
    """The URL is one that the service never reaches; the text is a sentence for the customer."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads.

    `host` is a lower-case ASCII name, or an address without brackets; `path` is percent-encoded, with the query.
    """

    scheme: str
    host: str
    port: int
    path: str


def is_public(address: Address) -> bool:
    """Whether `address` is one host on the public internet, and nothing special in any registry we know of."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if address.scope_id is not None:
        return False
    return address in _GLOBAL_UNICAST and not any(address in network for network in _NOT_PUBLIC_V6)


def is_allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether `address` may be reached: it is public, or inside one of `networks`."""
    return is_public(address) or any(address in network for network in networks)


def is_localhost(host: str) -> bool:
    """Whether `host` names this machine by itself (RFC 6761, section 6.3); for us that is 127.0.0.1, never ::1."""
    return f".{host.rstrip('.')}".endswith(".localhost")


def check_url(url: str, networks: Sequence[Network]) -> Target:
    """Return where a customer's `url` leads; raise `UrlError` if it is too long, or as `parse_target` does."""
    if len(url) > MAX_URL_LENGTH:
        raise UrlError(f"The URL must be at most {MAX_URL_LENGTH:,} characters long.")
    return parse_target(url, networks)


def parse_target(url: str, networks: Sequence[Network]) -> Target:
    """Return where `url` leads, as far as that can be told without the network.

    A literal address must be public or inside `networks`, in whatever form the C library understands it; so must
    `localhost`. A name is accepted here, and what it resolves to must be checked before connecting.
    Raises `UrlError`.
    """
    parts = _parsed(url)
    host = _host((parts.host or "").lower())
    if parts.port == 0:
        raise UrlError("The URL's port must be between 1 and 65535.")
    if not all(is_allowed(address, networks) for address in _literal_addresses(host)):
        raise UrlError("The URL's host is a private or reserved address, which cannot be reached.")
    scheme = parts.scheme or ""
    return Target(scheme, host, parts.port or {"http": 80, "https": 443}[scheme], parts.request_uri)


def _parsed(url: str) -> Url:
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in url):
        raise UrlError("The URL must not contain spaces, control characters or backslashes: percent-encode them.")
    try:
        parts = parse_url(url)
    except LocationParseError as error:
        raise UrlError("The URL is malformed: its host or port is not valid.") from error
    if parts.scheme not in ("http", "https"):
        raise UrlError("The URL must start with http:// or https://.")
    if parts.auth is not None:
        raise UrlError("The URL must not contain a user name or password.")
    return parts


def _host(host: str) -> str:
    if not host:
        raise UrlError("The URL has no host.")
    if host.startswith("["):
        return host.strip("[]")
    if not _HOST_NAME.fullmatch(host):
        raise UrlError("The URL's host is not a valid name.")
    return host


def _literal_addresses(host: str) -> list[Address]:
    """Return the addresses that `host` stands for without any look-up; none for an ordinary name."""
    if ":" in host:
        return [_ipv6(host)]
    if is_localhost(host):
        return [IPv4Address("127.0.0.1")]
    name = host.rstrip(".")
    if not _NUMERIC_LABEL.fullmatch(name.rpartition(".")[2]):
        return []
    try:
        # Reads 127.1, 0x7f.1, 0177.0.0.1 and 2130706433 exactly as getaddrinfo will.
        return [IPv4Address(socket.inet_aton(name))]
    except OSError as error:
        raise UrlError("The URL's host is not a valid address.") from error


def _ipv6(host: str) -> Address:
    try:
        return ip_address(host)
    except ValueError as error:
        raise UrlError("The URL's host is not a valid address.") from error
