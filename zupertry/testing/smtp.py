"""A mail server on loopback (RFC 5321, without extensions): keeps what it is sent, and misbehaves as it is told."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Self

REPLIES = {
    "connect": "220 mail.test ready",
    "DATA": "354 go ahead",
    ".": "250 taken",
    "QUIT": "221 bye",
}
"""What is answered by command (`connect` and `.` are the beginning and a message's end); `250 ok` to all others."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A message as it came in: the envelope's addresses, and what was between them."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The parsed message."""
        return message_from_bytes(self.raw, policy=policy.default)

    def part(self, subtype: str) -> str:
        """Return the text of the message's `text/…` part of this subtype."""
        body = self.message.get_body([subtype])
        assert body is not None
        return str(body.get_content())


class MailServer:
    """Takes every mail, unless `replies` answer a command otherwise; None never does. Use it as a context manager."""

    def __init__(self, replies: Mapping[str, str | None] | None = None) -> None:
        self.posted: list[Posted] = []
        self.replies: dict[str, str | None] = {**REPLIES, **(replies or {})}
        self.closed = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Conversation)
        self._server.owner = self
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="mail", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    owner: MailServer


class _Conversation(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        sender, recipients = "", list[str]()
        self._answer("connect")
        while line := self.rfile.readline().decode().strip():
            command, _, argument = line.partition(" ")
            address = argument.partition("<")[2].partition(">")[0]
            taken = self._answer(command.upper())
            match command.upper():
                case "MAIL":
                    sender, recipients = address, []
                case "RCPT" if taken:
                    recipients.append(address)
                case "DATA" if taken:
                    raw = self._read_message()
                    if self._answer("."):
                        self.server.owner.posted.append(Posted(sender, tuple(recipients), raw))

    def _answer(self, command: str) -> bool:
        """Answer a command, and say whether that is a yes."""
        reply = self.server.owner.replies.get(command, "250 ok")
        if reply is None:
            self.server.owner.closed.wait()
            return False
        self.wfile.write(f"{reply}\r\n".encode())
        return reply < "4"

    def _read_message(self) -> bytes:
        lines = list(iter(self.rfile.readline, b".\r\n"))
        return b"".join(line.removeprefix(b".") if line.startswith(b"..") else line for line in lines)
