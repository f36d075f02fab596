"""Test mode simulates what goes wrong: a URL on `test.zupertry.com` is never fetched, its name says what happens."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from tryon.failures import MESSAGES
from zupertry.core.addresses import EVERYWHERE, UrlError, parse_target

HOST = "test.zupertry.com"
SLOW_SECONDS = 5.0
OUTCOMES = frozenset({"success", "slow", *MESSAGES})


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a simulated picture does: fail with `error_code`, or arrive after `delay` seconds."""

    error_code: str = ""
    delay: float = 0.0


def is_simulated(url: str) -> bool:
    """Say whether this URL is never fetched."""
    try:
        return parse_target(url, EVERYWHERE).host.rstrip(".") == HOST
    except UrlError:
        return False


def simulation(url: str) -> Simulation | None:
    """Return what a URL on `HOST` simulates; None for any other. Raises `ValueError` for an unknown name."""
    if not is_simulated(url):
        return None
    name = PurePosixPath(urlsplit(url).path)
    if name.suffix != ".jpg" or name.stem not in OUTCOMES:
        known = ", ".join(f"{outcome}.jpg" for outcome in sorted(OUTCOMES))
        raise ValueError(f"{HOST} simulates {known}, and nothing called “{name.name}”.")
    if name.stem in MESSAGES:
        return Simulation(error_code=name.stem)
    return Simulation(delay=SLOW_SECONDS if name.stem == "slow" else 0.0)
