"""What the doctor says of a part: how it is, what was found, and what to do about it."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a part is."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"
    SKIPPED = "skipped"
    """Not looked at, because a part that it needs is broken."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `advice` is empty where there is nothing to do."""

    status: Status
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """How a part is looked at: `ask` yields findings, or raises what then is broken, for which there is `advice`.

    It has `seconds` for that, and is skipped where a part that it `needs` is broken, or a setting whose name begins
    with one of `settings` is wrong.
    """

    part: str
    ask: Callable[[], Iterable[Finding]]
    advice: str
    seconds: float = 6.0
    needs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


def ok(found: str) -> Finding:
    """Nothing is to be done."""
    return Finding(Status.OK, found)


def warning(found: str, advice: str) -> Finding:
    """It works, and should be looked after."""
    return Finding(Status.WARNING, found, advice)


def broken(found: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(Status.BROKEN, found, advice)


def explained(error: BaseException) -> str:
    """Return an error as one line, with no password of an address in it."""
    text = " ".join(str(error).split()).rstrip(".")
    return re.sub(r"//[^/\s]*@", "//…@", f"{type(error).__name__}: {text}" if text else type(error).__name__)[:400]
