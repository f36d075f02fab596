"""A Sentry on loopback: takes envelopes as its SDK sends them, and keeps the events in them.

https://develop.sentry.dev/sdk/data-model/envelopes/
"""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PROJECT = "7"


class SentryServer:
    """Use it as a context manager. `dsn` is what `SENTRY_DSN` takes; `envelopes` are the bodies, decompressed."""

    def __init__(self, key: str = "0123456789abcdef0123456789abcdef") -> None:  # pragma: allowlist secret
        self.key = key
        self.envelopes: list[bytes] = []
        self._lock = threading.Lock()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.sentry = self
        self.dsn = f"http://{key}@127.0.0.1:{self._http.server_port}/{PROJECT}"

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events so far."""
        with self._lock:
            return [event for envelope in self.envelopes for event in _events_of(envelope)]

    def take(self, envelope: bytes) -> None:
        """Keep an envelope."""
        with self._lock:
            self.envelopes.append(envelope)

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), name="sentry", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


def _events_of(envelope: bytes) -> list[dict[str, Any]]:
    """Return the items that are events: each is a line of headers, and as many bytes as those say."""
    _, _, rest = envelope.partition(b"\n")
    events = []
    while rest.strip():
        line, _, rest = rest.partition(b"\n")
        header = json.loads(line)
        length = header.get("length", rest.find(b"\n"))
        if header["type"] == "event":
            events.append(json.loads(rest[:length]))
        rest = rest[length + 1 :]
    return events


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    sentry: SentryServer


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """Take an envelope from who names the project's key."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        known = f"sentry_key={self.server.sentry.key}" in self.headers.get("X-Sentry-Auth", "")
        if self.path != f"/api/{PROJECT}/envelope/" or not known:
            self.send_error(403)
            return
        self.server.sentry.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
