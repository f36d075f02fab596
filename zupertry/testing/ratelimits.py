"""Lets a test begin with no requests counted."""

from zupertry.core import ratelimit
from zupertry.core.breaker import Breaker


def forget_windows() -> None:
    """Forget every rate-limit window, and which storage was in use."""
    for limiter in (ratelimit._shared, ratelimit._in_process):
        limiter().storage.reset()
        limiter.cache_clear()
    ratelimit._breaker = Breaker()
