"""Lets a test begin with no requests and no failed logins counted."""

from django.core.cache import cache

from zupertry.core import cache as shared_cache
from zupertry.core import ratelimit
from zupertry.core.breaker import Breaker


def forget_windows() -> None:
    """Forget every rate-limit window, and which storage was in use."""
    for limiter in (ratelimit._shared, ratelimit._in_process):
        limiter().storage.reset()
        limiter.cache_clear()
    ratelimit._breaker = Breaker("rate_limits")


def forget_cached() -> None:
    """Forget what the cache holds, failed logins among it, and that its Redis was down."""
    shared_cache._breaker = Breaker("cache")
    cache.clear()
