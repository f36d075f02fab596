"""Test mode simulates what goes wrong: a URL on `test.zupertry.com` is never fetched, its name says what happens."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from tryon.failures import MESSAGES
from zupertry.core.addresses import EVERYWHERE, UrlError, parse_target

HOST = "test.zupertry.com"
SLOW_SECONDS = 5.0
SLOW_PENDING_SECONDS = 2.0
"""How much of them a slow job is pending, so that a client can cancel it."""
OUTCOMES = frozenset({"success", "slow", *MESSAGES})


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a simulated picture does: fail with `error_code`, or arrive `delay` seconds after the job has begun.

    The job lies pending for `pending` seconds before.
    """

    error_code: str = ""
    delay: float = 0.0
    pending: float = 0.0


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
    if name.stem == "slow":
        return Simulation(delay=SLOW_SECONDS - SLOW_PENDING_SECONDS, pending=SLOW_PENDING_SECONDS)
    return Simulation()


def delay_seconds(*urls: str) -> float:
    """Return how long these pictures take to arrive, once the job has begun and none of them has failed."""
    return max((found.delay for url in urls if (found := simulation(url))), default=0.0)


def pending_seconds(*urls: str) -> float:
    """Return how long a job with these pictures lies pending before it is begun. Failures come at once."""
    simulated = [found for url in urls if (found := simulation(url))]
    if any(found.error_code for found in simulated):
        return 0.0
    return max((found.pending for found in simulated), default=0.0)
