"""Times what is asked of a payment gateway, for the metrics: how long, and what came of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any, TypeVar

from billing.gateways.base import UNAUTHORISED, Gateway, GatewayError
from zupertry.core import metrics

OPERATIONS = (
    "make_customer",
    "update_customer",
    "open_checkout",
    "charge",
    "begun",
    "authenticate",
    "cancel",
    "look",
    "look_at_method",
    "forget_method",
    "money_back_since",
    "paid_since",
)
"""What goes over the wire. The other methods work out what is at hand."""

G = TypeVar("G", bound=Gateway)


def measured(gateway: type[G]) -> type[G]:
    """Return the class with each of `OPERATIONS` timed."""
    for operation in OPERATIONS:
        method = getattr(gateway, operation)
        timed = _pages if isgeneratorfunction(method) else _call
        setattr(gateway, operation, timed(gateway.name, operation, method))
    return gateway


def _call(gateway: str, operation: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def timed(*arguments: Any, **options: Any) -> Any:
        with _measured(gateway, operation):
            return method(*arguments, **options)

    return timed


def _pages(gateway: str, operation: str, method: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """Time each item, and so each page: what is done with an item takes time of its own."""

    @wraps(method)
    def timed(*arguments: Any, **options: Any) -> Iterator[Any]:
        items = method(*arguments, **options)
        while True:
            with _measured(gateway, operation):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item

    return timed


@contextmanager
def _measured(gateway: str, operation: str) -> Iterator[None]:
    started, outcome = time.monotonic(), "crashed"
    try:
        yield
        outcome = "ok"
    except GatewayError as error:
        outcome = _outcome(error)
        raise
    finally:
        metrics.gateway_seconds.labels(gateway, operation, outcome).observe(time.monotonic() - started)


def _outcome(error: GatewayError) -> str:
    """Say whether our key was refused, this very call was, or the gateway failed."""
    if error.code == UNAUTHORISED:
        return UNAUTHORISED
    return "refused" if error.permanent else "failed"
