"""Metrics at a port of their own, `METRICS_PORT`: for worker and beat, which serve nothing else, and the web too."""

import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog
from django.conf import settings
from django.db import connection

from zupertry.metrics import CONTENT_TYPE, exposition, may_read

AGAIN_SECONDS = 5.0
PATIENCE_SECONDS = 10.0

log = structlog.get_logger(__name__)


@cache
def serve(*, of_service: bool = False) -> None:
    """Answer scrapes from here on, once a process, where `METRICS_PORT` is set. `of_service`: tell its figures too."""
    if settings.METRICS_PORT:
        threading.Thread(target=_serve, args=(of_service,), name="metrics", daemon=True).start()


def _serve(of_service: bool) -> None:
    """Listen; while another process has the port, as at a restart, say so and try again."""
    while True:
        try:
            server = Server(of_service=of_service)
        except OSError as error:
            log.warning("metrics_port_not_open", port=settings.METRICS_PORT, error=str(error))
            time.sleep(AGAIN_SECONDS)
        else:
            server.serve_forever()


class Server(ThreadingHTTPServer):
    """Listens at `METRICS_PORT`. Raises `OSError` when that is taken."""

    daemon_threads = True

    def __init__(self, *, of_service: bool) -> None:
        self.of_service = of_service
        super().__init__((settings.HOST, settings.METRICS_PORT), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Have what went wrong be a line like all others."""
        log.warning("scrape_failed", exc_info=True)


class Handler(BaseHTTPRequestHandler):
    """Answers `GET /metrics`, and nothing else."""

    server: Server
    timeout = PATIENCE_SECONDS

    def do_GET(self) -> None:
        """Send the metrics, to who sends the token if one is set."""
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404)
        elif not may_read(self.headers.get("Authorization", "")):
            self.send_error(401)
        else:
            try:
                self._send(exposition(of_service=self.server.of_service))
            finally:
                connection.close()

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a line each scrape says nothing new."""
