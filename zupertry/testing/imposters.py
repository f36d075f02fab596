"""Servers that are not what they seem: one that says nothing, and a PostgreSQL of another version."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qsl, urlsplit


@contextmanager
def silent_server() -> Iterator[int]:
    """Listen on the port that is given, and never say anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def postgres_that_claims(url: str, version: bytes) -> Iterator[str]:
    """Stand before the database at `url` and change the major version that it tells to each client."""
    parts = urlsplit(url)
    behind = f"{dict(parse_qsl(parts.query))['host']}/.s.PGSQL.{parts.port}"
    told, instead = b"server_version\x0018", b"server_version\x00" + version

    def serve() -> None:
        with suppress(OSError):  # the front is closed
            while True:
                client, _ = front.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(behind)
                for arguments in ((client, server, b"", b""), (server, client, told, instead)):
                    threading.Thread(target=_pump, args=arguments, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as front:
        threading.Thread(target=serve, daemon=True).start()
        yield f"postgres://postgres@127.0.0.1:{front.getsockname()[1]}{parts.path}"


def _pump(source: socket.socket, sink: socket.socket, told: bytes, instead: bytes) -> None:
    with suppress(OSError), sink:
        while data := source.recv(65_536):
            sink.sendall(data.replace(told, instead) if told else data)
