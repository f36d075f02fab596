"""A circuit breaker: after something was found down, nobody waits for it again for a while."""

import threading
import time

BREAK_SECONDS = 5.0


class Breaker:
    """Tells whether to try. Thread safe; each process finds out for itself."""

    def __init__(self) -> None:
        self._closed_until = 0.0
        self._lock = threading.Lock()

    def lets_pass(self) -> bool:
        """Say whether it is worth trying."""
        with self._lock:
            return time.monotonic() >= self._closed_until

    def trip(self) -> None:
        """Stop everybody from trying for 5 seconds."""
        with self._lock:
            self._closed_until = time.monotonic() + BREAK_SECONDS
