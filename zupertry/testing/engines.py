"""Engines that tests hold at a gate and let fail, as entries of `TRYON_ENGINES`."""

import threading
from collections import deque

from django.db import connection

from tryon.engines.base import Engine, Picture, TryOn
from tryon.engines.mock import MockEngine

WAIT_SECONDS = 20.0


class GatedEngine(Engine):
    """Makes the mock engine's picture, once `gate` is set; before that it raises what `failures` holds, one a call."""

    def __init__(self, *, max_parallel: int = 1) -> None:
        self.max_parallel = max_parallel
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.failures: deque[Exception] = deque()
        self.connections_held = 0
        self.timeouts: list[float] = []
        self._mock = MockEngine()

    def try_on(self, person: Picture, garment: Picture, *, timeout: float) -> TryOn:
        """Return the mock's picture."""
        self.timeouts.append(timeout)
        self.connections_held += connection.connection is not None
        self.entered.release()
        if not self.gate.wait(WAIT_SECONDS):
            raise TimeoutError("nobody opened the gate")
        if self.failures:
            raise self.failures.popleft()
        return self._mock.try_on(person, garment, timeout=timeout)

    def wait_for_call(self) -> None:
        """Return once a call has come in that nobody has waited for yet."""
        if not self.entered.acquire(timeout=WAIT_SECONDS):
            raise TimeoutError("the engine was not called")
