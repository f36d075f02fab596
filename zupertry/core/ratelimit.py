"""Requests a minute, counted over all processes: a fixed window that opens with its first request."""

import math
import time
from dataclasses import dataclass
from functools import cache
from typing import cast

import structlog
from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Window:
    """How a caller stands: its limit, what remains of it, and in how many seconds (≥ 1) it is whole again."""

    limit: int
    remaining: int
    reset_seconds: int
    exceeded: bool = False


@cache
def _in_process() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(MemoryStorage())


@cache
def _shared() -> FixedWindowRateLimiter:
    if not settings.REDIS_URL:
        return _in_process()
    storage = storage_from_string(
        settings.REDIS_URL, wrap_exceptions=True, socket_connect_timeout=0.5, socket_timeout=0.5
    )
    return FixedWindowRateLimiter(cast("Storage", storage))


def count(caller: str, limit: int) -> Window:
    """Count one request of `caller` and say how it stands. Counts in process while Redis is gone."""
    try:
        return _count(_shared(), caller, limit)
    except StorageError:
        log.exception("rate_limit_storage_down", fallback="in process")
        return _count(_in_process(), caller, limit)


def peek(caller: str, limit: int) -> Window:
    """Say how `caller` stands, counting nothing."""
    try:
        return _window(_shared(), RateLimitItemPerMinute(limit), caller, admitted=True)
    except StorageError:
        return _window(_in_process(), RateLimitItemPerMinute(limit), caller, admitted=True)


def _count(limiter: FixedWindowRateLimiter, caller: str, limit: int) -> Window:
    item = RateLimitItemPerMinute(limit)
    return _window(limiter, item, caller, admitted=limiter.hit(item, caller))


def _window(limiter: FixedWindowRateLimiter, item: RateLimitItem, caller: str, *, admitted: bool) -> Window:
    stats = limiter.get_window_stats(item, caller)
    reset = max(1, math.ceil(stats.reset_time - time.time()))
    return Window(item.amount, max(0, stats.remaining), reset, exceeded=not admitted)


def forget() -> None:
    """Forget every window, and which storage was in use."""
    for limiter in (_shared, _in_process):
        limiter().storage.reset()
        limiter.cache_clear()
