"""The one outbound HTTP client, for addresses that customers choose: pictures to fetch, webhooks to call.

A name is resolved once; every address that it resolves to must be allowed, and the connection goes to one of those
very addresses, so that a second answer of the DNS cannot lead inside. Proxies, cookies and stored credentials are
not used. Time and memory are bounded whatever the other side does.
"""

import http.client
import queue
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from time import monotonic
from typing import Any, TypeAlias
from urllib.parse import urljoin

from django.conf import settings
from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ProtocolError

from zupertry.core.addresses import Network, Target, UrlError, is_allowed, is_localhost, parse_target

USER_AGENT = "Zupertry/1.0 (+https://app.zupertry.com)"

_BLOCK_BYTES = 65_536
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

_AddressInfo: TypeAlias = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


class OutboundError(Exception):
    """The request got no usable answer; `message` is a sentence for the customer."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ForbiddenAddressError(OutboundError):
    """The URL, or one that it redirects to, is malformed or leads to an address that must not be reached."""


class UnreachableError(OutboundError):
    """The name does not resolve, nobody listens, TLS fails, or the answer is not HTTP."""


class DeadlineExceededError(OutboundError):
    """The whole answer did not arrive in time."""


class TooLargeError(OutboundError):
    """The body is larger than asked for."""


class TooManyRedirectsError(OutboundError):
    """The URL redirects more often than asked for."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. `headers` ignores case; `body` is decompressed; `url` is the last one after redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    headers: Mapping[str, str]
    body: bytes | None
    connect_timeout: float
    max_bytes: int
    truncate: bool
    follow: bool


class _Deadline:
    """The moment by which everything must have happened."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that remain; raise `DeadlineExceededError` when there are none."""
        left = self._at - monotonic()
        if left <= 0:
            raise DeadlineExceededError(f"The server did not answer in full within {round(self.seconds, 1):g} seconds.")
        return left


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    connect_timeout: float = 3.0,
    total_timeout: float,
    max_bytes: int,
    max_redirects: int = 0,
    truncate: bool = False,
) -> Response:
    """Send one request, and return the answer whatever its status.

    `connect_timeout` (seconds) is for each address of the host; `total_timeout` (seconds) is for everything, from
    the look-up of the name to the last byte of the last redirect. A body over `max_bytes` raises `TooLargeError`, or is
    cut there with `truncate`. Redirects repeat the method, so follow them (`max_redirects`) only with GET; with 0
    they are answers like any other. Addresses must be public or inside the setting `OUTBOUND_ALLOWED_NETWORKS`.
    Raises an `OutboundError`.
    """
    deadline = _Deadline(total_timeout)
    all_headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Connection": "close", **(headers or {})}
    message = _Request(method, all_headers, body, connect_timeout, max_bytes, truncate, follow=max_redirects > 0)
    for _ in range(max_redirects + 1):
        response = _exchange(message, url, deadline)
        next_url = _next_url(response)
        if next_url is None or max_redirects == 0:
            return response
        url = next_url
    raise TooManyRedirectsError(f"The URL redirects more than {max_redirects} times.")


@cache
def tls_context() -> ssl.SSLContext:
    """Return how servers' certificates are verified: against the system's authorities, or `SSL_CERT_FILE`'s."""
    return ssl.create_default_context()


def _next_url(response: Response) -> str | None:
    if response.status not in _REDIRECTS or "Location" not in response.headers:
        return None
    # http.client reads headers as Latin-1; servers that send a bare non-ASCII path mean UTF-8.
    location = response.headers["Location"].encode("latin-1").decode("utf-8", "replace")
    try:
        return urljoin(response.url, location)
    except ValueError as error:
        raise ForbiddenAddressError("The URL redirects to one that is malformed.") from error


def _exchange(message: _Request, url: str, deadline: _Deadline) -> Response:
    networks: Sequence[Network] = settings.OUTBOUND_ALLOWED_NETWORKS
    try:
        target = parse_target(url, networks)
        addresses = _resolve(target, networks, deadline)
        with (
            _connection(target, addresses, message.connect_timeout, deadline) as connection,
            closing(_send(connection, message, target.path)) as response,
        ):
            body = b"" if message.follow and response.status in _REDIRECTS else _read(response, message)
            deadline.left()  # the watchdog's end of the connection looks like the end of the body
    except UrlError as error:
        raise ForbiddenAddressError(str(error)) from error
    # ValueError is what http.client raises for a chunk that is no number.
    except (OSError, http.client.HTTPException, HTTPError, ValueError) as error:
        deadline.left()
        raise UnreachableError(_explanation(error)) from error
    return Response(response.status, response.headers, body, url)


def _resolve(target: Target, networks: Sequence[Network], deadline: _Deadline) -> Sequence[_AddressInfo]:
    found = _look_up(target, deadline)
    if not all(is_allowed(ip_address(sockaddr[0]), networks) for *_, sockaddr in found):
        raise ForbiddenAddressError("The URL's host resolves to an address that is private or reserved.")
    return found


def _look_up(target: Target, deadline: _Deadline) -> Sequence[_AddressInfo]:
    """Ask the system's resolver in a thread, since nothing can hurry it."""
    answers: queue.SimpleQueue[Sequence[_AddressInfo] | OSError | UnicodeError] = queue.SimpleQueue()
    family = socket.AF_INET if is_localhost(target.host) else socket.AF_UNSPEC

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(target.host, target.port, family, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.left())
    except queue.Empty:
        raise DeadlineExceededError("The URL's host name could not be looked up in time.") from None
    if isinstance(answer, Exception):
        raise UnreachableError("The URL's host name does not resolve to an address.") from answer
    return answer


@contextmanager
def _connection(
    target: Target, addresses: Sequence[_AddressInfo], connect_timeout: float, deadline: _Deadline
) -> Iterator[HTTPConnection]:
    """Connect to the first of `addresses` that answers; nothing that waits on the connection outlives `deadline`."""
    sock = _connected(addresses, connect_timeout, deadline)
    try:
        sock.settimeout(deadline.left())
        if target.scheme == "https":
            sock = tls_context().wrap_socket(sock, server_hostname=target.host.rstrip("."))
        connection_class = HTTPSConnection if target.scheme == "https" else HTTPConnection
        connection = connection_class(target.host, target.port, timeout=deadline.left())
        connection.sock = sock
        with _shut_down_at(deadline, sock):
            yield connection
    finally:
        sock.close()


def _connected(addresses: Sequence[_AddressInfo], connect_timeout: float, deadline: _Deadline) -> socket.socket:
    failure = OSError("no address")
    for address in addresses:
        try:
            return _connected_to(address, min(connect_timeout, deadline.left()))
        except OSError as error:
            failure = error
    raise failure


def _connected_to(address: _AddressInfo, timeout: float) -> socket.socket:
    family, kind, protocol, _, sockaddr = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.settimeout(timeout)
        sock.connect(sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock


@contextmanager
def _shut_down_at(deadline: _Deadline, sock: socket.socket) -> Iterator[None]:
    """Shut `sock` down at the deadline. Its own timeout starts again with each byte, which a slow sender exploits."""
    watchdog = threading.Timer(deadline.left(), _shut_down, [sock])
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
        watchdog.join()


def _shut_down(sock: socket.socket) -> None:
    with suppress(OSError):  # already closed
        # Not SSLSocket's, which drops its TLS state under the thread that is reading.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _send(connection: HTTPConnection, message: _Request, path: str) -> BaseHTTPResponse:
    connection.request(
        message.method, path, body=message.body, headers=message.headers, preload_content=False, decode_content=True
    )
    return connection.getresponse()


def _read(response: BaseHTTPResponse, message: _Request) -> bytes:
    over = TooLargeError(f"The answer is larger than {message.max_bytes:,} bytes.")
    if not message.truncate and (response.length_remaining or 0) > message.max_bytes:
        raise over
    body = bytearray()
    # read1 never holds more than a block, even for a chunk of negative size; read would.
    try:
        while (room := message.max_bytes + 1 - len(body)) and (block := response.read1(min(room, _BLOCK_BYTES))):
            body += block
    except (OSError, http.client.HTTPException, HTTPError, ValueError):
        if not message.truncate:
            raise
        # Whoever asked for part of the body wants the status above all, and has it.
    if len(body) > message.max_bytes and not message.truncate:
        raise over
    return bytes(body[: message.max_bytes])


def _explanation(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The server's certificate was refused: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return "A secure connection to the server could not be made."
    if isinstance(error, TimeoutError):
        return "The server did not accept the connection in time."
    if isinstance(error, ConnectionRefusedError):
        return "The server refused the connection."
    if isinstance(error, OSError | http.client.IncompleteRead | http.client.RemoteDisconnected | ProtocolError):
        return "The server broke off the connection."
    return "The server's answer is not valid HTTP."
