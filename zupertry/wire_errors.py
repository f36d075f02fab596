"""What gunicorn answers to bytes that are no HTTP request: the API's envelope, and not a page of gunicorn's own."""

import json
import secrets
import socket

from gunicorn.util import write_nonblock

from zupertry.core.errors import Refusal, envelope, internal_error


def write_error(sock: socket.socket, status_int: int, reason: str, mesg: str) -> None:
    """Write the answer and have the connection closed. Takes the place of `gunicorn.util.write_error`."""
    del mesg  # it repeats what was sent
    refusal = internal_error() if status_int >= 500 else _broken(reason)
    request_id = f"req_{secrets.token_hex(12)}"
    body = json.dumps(envelope(refusal, request_id)).encode()
    head = [
        f"HTTP/1.1 {refusal.status} {reason}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"X-Request-Id: {request_id}",
        "X-Content-Type-Options: nosniff",
    ]
    write_nonblock(sock, "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)


def _broken(reason: str) -> Refusal:
    return Refusal("bad_request", f"The request can't be read as HTTP ({reason}). Check how it is sent.")
