"""The messages between the engine and its child process: a length, a header in JSON, and pictures as they are.

A message is a 4-byte big-endian length, a JSON object of that length, and the bytes of the pictures that the object's
`sizes` announces. A request carries two pictures; an answer carries one, or none and an error.
"""

import json
import struct
from dataclasses import dataclass, field
from typing import IO, Any

from tryon.engines.base import Picture

_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Message:
    """Pictures with what is to be said about them."""

    pictures: tuple[Picture, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


def write(stream: IO[bytes], message: Message) -> None:
    """Write one message and flush. Raises OSError when the other side is gone."""
    shapes = [(len(p.data), p.content_type, p.width, p.height) for p in message.pictures]
    header = json.dumps({"sizes": shapes, "facts": message.facts}).encode()
    stream.write(_LENGTH.pack(len(header)) + header)
    for picture in message.pictures:
        stream.write(picture.data)
    stream.flush()


def read(stream: IO[bytes]) -> Message | None:
    """Read one message, or return None where the stream ends. Raises EOFError when it ends within a message."""
    prefix = stream.read(_LENGTH.size)
    if not prefix:
        return None
    header = json.loads(_exactly(stream, _LENGTH.unpack(prefix)[0]))
    pictures = tuple(
        Picture(_exactly(stream, size), content_type, width, height)
        for size, content_type, width, height in header["sizes"]
    )
    return Message(pictures, header["facts"])


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("The stream ended within a message.")
    return data
