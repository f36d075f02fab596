"""A web server on loopback that serves pictures, and misbehaves on request.

    with PictureServer() as server:
        server.add("/person.jpg", content(data, "image/jpeg"))
        server.add("/moved.jpg", redirect(server.url("/person.jpg")))
        ...
        assert server.requests["/person.jpg"] == 1

A behaviour is any function of the request; those below are the ones that downloads must survive.
"""

import ssl
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from typing import Any, Self, TypeAlias


class Request(BaseHTTPRequestHandler):
    """One request: `path`, `headers`, and what is needed to answer it."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        """Behave as the path was told to, then hang up."""
        path = self.path.partition("?")[0]
        self.server.requests[path] += 1
        self.close_connection = True
        self.server.behaviours.get(path, status(404))(self)

    do_POST = do_GET  # noqa: N815  (named by http.server)

    def answer(self, code: int, headers: dict[str, str], body: bytes = b"") -> None:
        """Send a status line, `headers` and `body`, and nothing of its own accord."""
        self.send_response_only(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def pause(self, seconds: float) -> None:
        """Wait; raise `ConnectionAbortedError` as soon as the server closes."""
        if self.server.closing.wait(seconds):
            raise ConnectionAbortedError

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


Behaviour: TypeAlias = Callable[[Request], None]


class PictureServer:
    """The server, on a free port of 127.0.0.1; with `tls` it speaks HTTPS. Use it as a context manager."""

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server(port, tls)
        self._scheme = "https" if tls else "http"
        self.port: int = self._server.server_address[1]
        self.requests = self._server.requests
        """How often each path was asked for."""

    @property
    def connections(self) -> int:
        """How many connections were made, whether or not anything was asked on them."""
        return self._server.connections

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """Return the URL of `path` on this server, with `host` as its name."""
        return f"{self._scheme}://{host}:{self.port}{path}"

    def add(self, path: str, behaviour: Behaviour) -> str:
        """Answer requests of `path` with `behaviour`, and return its URL."""
        self._server.behaviours[path] = behaviour
        return self.url(path)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), name="pictures", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", port), Request)
        if tls:
            # The handshake belongs to the connection's own thread, where its first read makes it.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.behaviours: dict[str, Behaviour] = {}
        self.requests: Counter[str] = Counter()
        self.connections = 0
        self.closing = threading.Event()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Count the connection."""
        self.connections += 1
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that give up on a hostile answer are why this server exists."""


def content(data: bytes, content_type: str) -> Behaviour:
    """Serve `data`."""
    return lambda request: request.answer(200, {"Content-Type": content_type, "Content-Length": str(len(data))}, data)


def status(code: int, body: bytes = b"") -> Behaviour:
    """Answer with the status `code`."""
    return lambda request: request.answer(code, {"Content-Length": str(len(body))}, body)


def redirect(location: str, code: int = 302) -> Behaviour:
    """Redirect to `location`; to its own URL for a loop."""
    return lambda request: request.answer(code, {"Location": location, "Content-Length": "0"})


def wrong_length(data: bytes, claimed: int) -> Behaviour:
    """Serve `data` under a Content-Length of `claimed` bytes, and hang up."""
    return lambda request: request.answer(200, {"Content-Length": str(claimed)}, data)


def compressed(data: bytes, encoding: str) -> Behaviour:
    """Serve `data` as it is under a Content-Encoding, asked for or not."""
    headers = {"Content-Encoding": encoding, "Content-Length": str(len(data))}
    return lambda request: request.answer(200, headers, data)


def raw(*blocks: bytes, forever: bytes = b"", every: float = 0.0) -> Behaviour:
    """Send `blocks` as they are, status line and all, then `forever` again and again; one each `every` seconds."""

    def behave(request: Request) -> None:
        for block in chain(blocks, repeat(forever) if forever else ()):
            request.wfile.write(block)
            request.pause(every)

    return behave


def endless_body() -> Behaviour:
    """Send zeros for ever, without a Content-Length."""
    return raw(b"HTTP/1.1 200 OK\r\n\r\n", forever=bytes(65_536))


def trickled_body(every: float = 0.1) -> Behaviour:
    """Send headers at once, then one byte each `every` seconds for ever."""
    return raw(b"HTTP/1.1 200 OK\r\n\r\n", forever=b"x", every=every)


def trickled_headers(every: float = 0.1) -> Behaviour:
    """Send one byte of a header each `every` seconds, for ever."""
    return raw(b"HTTP/1.1 200 OK\r\nX-Slow: ", forever=b"x", every=every)


def hang() -> Behaviour:
    """Accept the request and never answer."""
    return lambda request: request.pause(3_600)


def close_early() -> Behaviour:
    """Hang up without an answer."""
    return lambda request: None


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Behave in the first way at the first request, and so on; the last one stays."""
    turns = chain(behaviours, repeat(behaviours[-1]))

    def behave(request: Request) -> None:
        next(turns)(request)

    return behave
