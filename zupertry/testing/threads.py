"""Runs calls beside the test, as a worker's threads do, and at the same moment, for tests of races."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection


def in_thread(call: Callable[..., Any], *arguments: Any) -> threading.Thread:
    """Start a call in a thread with its own database connection, and return the thread."""

    def work() -> None:
        try:
            call(*arguments)
        finally:
            connection.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start all calls together, each in a thread with its own database connection.

    Returns what each gave or raised, in the order of `calls`.
    """
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return call()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))
