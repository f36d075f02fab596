"""Asks a part of the service how it is, without waiting for ever: libraries hang for minutes where a part is down."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from django.db import connection

T = TypeVar("T")

THREAD_PREFIX = "probe "


class Probe(Generic[T]):
    """One question, asked on a thread of its own."""

    def __init__(self, part: str, ask: Callable[[], T]) -> None:
        self._part = part
        self._ask = ask
        self._lock = threading.Lock()
        self._result: Future[T] | None = None

    def run(self) -> Future[T]:
        """Return what comes of asking; while a question hangs, everybody waits for the answer to that one."""
        with self._lock:
            if self._result is None or self._result.done():
                self._result = Future()
                name = f"{THREAD_PREFIX}{self._part}"
                threading.Thread(target=self._answer, args=(self._result,), name=name, daemon=True).start()
            return self._result

    def _answer(self, result: Future[T]) -> None:
        try:
            answer = self._ask()
        except BaseException as error:
            result.set_exception(error)
        else:
            result.set_result(answer)
        finally:
            connection.close()
