"""What every try-on engine takes, gives and raises. Engines know no model and no setting of Django's."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from threading import BoundedSemaphore

decoding = BoundedSemaphore(2)
"""Held while a picture is decoded: of 40 megapixels, a JPEG takes 0.4 GB at its peak and a WebP 0.7 GB."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded still picture: upright, 8-bit RGB (PNG: RGB or RGBA), with no metadata.

    `content_type` is `image/jpeg` or `image/png`; `width` and `height` are pixels.
    """

    data: bytes
    content_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class TryOn:
    """What an engine made. `request_id` is the provider's own, for support; empty when it has none."""

    picture: Picture
    request_id: str = ""


class EngineError(Exception):
    """The engine made no picture.

    `code` is one of the job's public error codes, `message` a sentence for the customer that says what to do.
    `permanent` means that trying again with the same pictures cannot pass; `detail` is the raw error, for staff.
    """

    def __init__(self, code: str, message: str, *, permanent: bool, detail: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.permanent = permanent
        self.detail = detail


class Engine(ABC):
    """One way to dress a person. An instance is shared by all threads of a process."""

    max_parallel: int
    """How many calls of `try_on` one process may have in flight."""

    @abstractmethod
    def try_on(self, person: Picture, garment: Picture, *, timeout: float) -> TryOn:
        """Return the person wearing the garment, within `timeout` seconds.

        The engine may answer in any size and in PNG or JPEG; the caller conforms it to the person's photo.
        Raises `EngineError`, and nothing else on purpose.
        """

    def close(self) -> None:  # noqa: B027  (most engines hold nothing)
        """Give back what the engine holds: connections, child processes. It may be used again afterwards."""
