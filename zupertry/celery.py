"""The Celery application. `celery -A zupertry worker` and `beat` find it here; tasks live in each app's `tasks.py`."""

import os
import time
from contextvars import ContextVar
from typing import Any

import structlog
from celery import Celery
from celery.signals import celeryd_init, setup_logging, task_postrun, task_prerun

from zupertry.core import metrics
from zupertry.core.requests import enter_request

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zupertry.settings")

app = Celery("zupertry")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

log = structlog.get_logger("zupertry.task")
_started: ContextVar[float] = ContextVar("started")


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Leave the logs to `zupertry.logs`, which Django has configured."""


@celeryd_init.connect
def _prepare_worker(**_: Any) -> None:
    """Refuse to start while a setting is wrong, and learn how to stop, and how to go on without Redis."""
    from celery.worker.consumer import Gossip, Mingle

    from zupertry import stopping  # noqa: F401
    from zupertry.broker import outlive_redis
    from zupertry.checks import refuse_to_start
    from zupertry.metrics_port import serve

    refuse_to_start()
    outlive_redis()
    # Workers have nothing to tell each other, and at each connect would look for one another for a second.
    Gossip.compatible_transports = Mingle.compatible_transports = set()
    serve()


@task_prerun.connect
def _begin(task: Any, **_: Any) -> None:
    """Go on under the id of the request that woke this task."""
    enter_request(getattr(task.request, "request_id", None) or task.request.id)
    _started.set(time.monotonic())


@task_postrun.connect
def _end(task: Any, args: Any, state: str, **_: Any) -> None:
    """Log one line a task."""
    seconds = time.monotonic() - _started.get()
    log.info("task", task=task.name, subject=args[0] if args else None, state=state, ms=round(seconds * 1000, 1))
    metrics.task_ended(task.name, state, seconds)
