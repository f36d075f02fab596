"""Gunicorn's worker of threads, from which no client keeps a thread for ever by sending half a request."""

import socket
import threading
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker


class BoundedWorker(ThreadWorker):
    """Hears a client out for three minutes; what it has not sent by then is not read.

    Gunicorn itself waits without end for the rest of headers and bodies, so that as many clients as there are threads,
    slow ones or some whose network went away, would stop the process from answering anybody.
    """

    hearing_seconds = 180.0
    """Two pictures of 10 MB, as the playground takes them, come in by then at 1 Mbit/s."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heard_since: dict[TConn, float] = {}
        self._lock = threading.Lock()

    def handle(self, conn: TConn) -> bool:
        """Read a request, answer it, and say whether the connection goes on."""
        with self._lock:
            self._heard_since[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            with self._lock:
                del self._heard_since[conn]

    def murder_pending(self) -> None:
        """Close connections that wait for a first byte, and end the reading of late requests. Called every second.

        The thread that reads finds the end of the data, as if the client had hung up. An answer that is still being
        made or sent is not touched.
        """
        super().murder_pending()
        late = time.monotonic() - self.hearing_seconds
        with self._lock:
            overdue = [conn for conn, since in self._heard_since.items() if since <= late]
            for conn in overdue:
                with suppress(OSError):  # the client has hung up already
                    conn.sock.shutdown(socket.SHUT_RD)
