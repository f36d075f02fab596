"""Requests a minute, counted over all processes: a fixed window that opens with its first request."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import cast

import structlog
from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis import Redis

from zupertry.core import metrics
from zupertry.core.breaker import Breaker
from zupertry.core.errors import Refusal

log = structlog.get_logger(__name__)
_breaker = Breaker("rate_limits")


@dataclass(frozen=True, slots=True)
class Window:
    """How a caller stands: its limit, what remains of it, and in how many seconds (≥ 1) it is whole again."""

    limit: int
    remaining: int
    reset_seconds: int
    exceeded: bool = False


class _ExactRedisStorage(RedisStorage):
    """Redis rounds a key's remaining life to seconds: up to half a second too soon for `Retry-After`."""

    def get_expiry(self, key: str) -> float:
        """Return the Unix time at which the key's window is over."""
        milliseconds = cast("int", cast("Redis", self.storage).pttl(self.prefixed_key(key)))
        return time.time() + max(milliseconds, 0) / 1000


@cache
def _in_process() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(MemoryStorage())


@cache
def _shared() -> FixedWindowRateLimiter:
    if not settings.REDIS_URL:
        return _in_process()
    storage = _ExactRedisStorage(
        settings.REDIS_URL, wrap_exceptions=True, socket_connect_timeout=0.5, socket_timeout=0.5
    )
    return FixedWindowRateLimiter(storage)


def count(caller: str, limit: int) -> Window:
    """Count one request of `caller` and say how it stands. Counts in process while Redis is gone."""
    item = RateLimitItemPerMinute(limit)
    return _asked(lambda limiter: _window(limiter, item, caller, admitted=limiter.hit(item, caller)))


def check(window: Window) -> None:
    """Raise `Refusal` (`rate_limit_exceeded`) for a request beyond its window."""
    if window.exceeded:
        metrics.rate_limited.inc()
        raise Refusal(
            "rate_limit_exceeded",
            f"More than {window.limit} requests in a minute. Wait {window.reset_seconds} s, then send it again.",
            headers={"Retry-After": str(window.reset_seconds)},
        )


def peek(caller: str, limit: int) -> Window:
    """Say how `caller` stands, counting nothing."""
    return _asked(lambda limiter: _window(limiter, RateLimitItemPerMinute(limit), caller, admitted=True))


def _asked(ask: Callable[[FixedWindowRateLimiter], Window]) -> Window:
    if _breaker.lets_pass():
        try:
            return ask(_shared())
        except StorageError as error:
            _breaker.trip()
            log.warning("rate_limit_storage_down", fallback="in process", error=str(error))
    return ask(_in_process())


def _window(limiter: FixedWindowRateLimiter, item: RateLimitItem, caller: str, *, admitted: bool) -> Window:
    stats = limiter.get_window_stats(item, caller)
    reset = max(1, math.ceil(stats.reset_time - time.time()))
    return Window(item.amount, max(0, stats.remaining), reset, exceeded=not admitted)
