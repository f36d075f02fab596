"""A circuit breaker: after something was found down, nobody waits for it again for a while."""

import threading
import time

from zupertry.core import metrics

BREAK_SECONDS = 5.0


class Breaker:
    """Tells whether to try `part`. Thread safe; each process finds out for itself."""

    def __init__(self, part: str) -> None:
        self._part = part
        self._closed_until = 0.0
        self._lock = threading.Lock()
        metrics.breaker_open.labels(part).set_function(lambda: not self.lets_pass())

    def lets_pass(self) -> bool:
        """Say whether it is worth trying."""
        with self._lock:
            return time.monotonic() >= self._closed_until

    def trip(self) -> None:
        """Stop everybody from trying for 5 seconds."""
        with self._lock:
            self._closed_until = time.monotonic() + BREAK_SECONDS
        metrics.breaker_trips.labels(self._part).inc()
