"""Wakes a worker by a task's name, so that domain code never imports tasks.

The database is the truth and a wake only a hint: it never raises and hardly delays, and what is lost the sweep finds.
"""

import structlog
from celery import current_app
from django.db import transaction

from zupertry.core import metrics
from zupertry.core.breaker import Breaker
from zupertry.core.requests import request_id

log = structlog.get_logger(__name__)
_breaker = Breaker("broker")


def wake(task: str, subject: str, *, delay: float = 0) -> None:
    """Have a worker run `task` with `subject` (an id), `delay` seconds after the current transaction commits."""
    transaction.on_commit(lambda: _publish(task, subject, delay), robust=True)


def _publish(task: str, subject: str, delay: float) -> None:
    if not _breaker.lets_pass():
        metrics.wakes.labels("lost").inc()
        return
    headers = {"request_id": request_id()}
    try:
        current_app.send_task(task, (subject,), countdown=delay or None, headers=headers, retry=False)
    except Exception as error:
        _breaker.trip()
        metrics.wakes.labels("lost").inc()
        log.warning("wake_lost", task=task, subject=subject, error=str(error))
    else:
        metrics.wakes.labels("sent").inc()
