"""Django's cache over Redis, which goes on in process while Redis is gone: logins count on it."""

from typing import Any

import structlog
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from zupertry.core.breaker import Breaker

log = structlog.get_logger(__name__)
_breaker = Breaker("cache")


class SteadyRedisCache(RedisCache):
    """Counts and remembers in this process alone while Redis is down, as `ratelimit` does; that is logged."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        in_process = {key: value for key, value in params.items() if key != "OPTIONS"}
        self._in_process = LocMemCache("redis-is-down", in_process | {"OPTIONS": {"MAX_ENTRIES": 100_000}})

    def add(self, *args: Any, **kwargs: Any) -> bool:
        """Set a key that is not there yet; False when it is."""
        return bool(self._asked("add", args, kwargs))

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """Return a key's value, or the default."""
        return self._asked("get", args, kwargs)

    def set(self, *args: Any, **kwargs: Any) -> None:
        """Set a key."""
        self._asked("set", args, kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        """Forget a key; False when it was not there."""
        return bool(self._asked("delete", args, kwargs))

    def clear(self) -> None:
        """Forget every key of this cache, and no other: the broker and the rate limits live in the same Redis."""
        client = self._cache.get_client(None, write=True)
        for key in client.scan_iter(match=f"{self.key_prefix}:*"):
            client.delete(key)
        self._in_process.clear()

    def _asked(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if _breaker.lets_pass():
            try:
                return getattr(super(), method)(*args, **kwargs)
            except RedisError as error:
                _breaker.trip()
                log.warning("cache_down", fallback="in process", error=str(error))
        return getattr(self._in_process, method)(*args, **kwargs)
