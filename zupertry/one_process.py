"""The laptop's way: web, worker and beat as threads of one process. `manage.py up` starts it."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import structlog
from celery import beat
from celery.worker import WorkController, state
from django.conf import settings
from gunicorn.app.base import BaseApplication

from tryon.api import waiting
from zupertry import canary, gunicorn
from zupertry.celery import app as celery_app
from zupertry.metrics_port import serve
from zupertry.stopping import finish_or_hand_back
from zupertry.wsgi import application

GRACE_SECONDS = 4.0
GUNICORN_SETTINGS = [
    "bind",
    "worker_class",
    "workers",
    "threads",
    "graceful_timeout",
    "timeout",
    "keepalive",
    "max_requests",
    "preload_app",
    "control_socket_disable",
    "forwarded_allow_ips",
    "accesslog",
    "errorlog",
    "loglevel",
    "logger_class",
]
SWEEPS = ("tryon.sweep", "tryon.delete_pictures", "accounts.sweep")

log = structlog.get_logger(__name__)


class OneProcess(BaseApplication):
    """Gunicorn with a single worker, which also runs Celery's worker and beat."""

    def __init__(self, when_ready: Callable[[], None]) -> None:
        self._when_ready = when_ready
        self._background: Background | None = None
        super().__init__()

    def load_config(self) -> None:
        """Take the web process's settings, and start the threads once the worker has forked."""
        for name in GUNICORN_SETTINGS:
            self.cfg.set(name, getattr(gunicorn, name))
        self.cfg.set("when_ready", lambda _arbiter: self._when_ready())
        self.cfg.set("post_worker_init", lambda _worker: self._start_background())
        self.cfg.set("worker_exit", lambda _arbiter, _worker: self._stop_background())

    def load(self) -> Any:
        """Return the WSGI application."""
        return application

    def _start_background(self) -> None:
        serve(of_service=True)
        self._background = Background()
        self._background.start()

    def _stop_background(self) -> None:
        """Keep the process until its jobs have ended or have been handed back: the web may have been idle."""
        if self._background:
            self._background.stop()


class Background:
    """Celery's worker and beat, on threads of the web process."""

    def __init__(self) -> None:
        self._worker = WorkController(
            app=celery_app,
            pool="threads",
            concurrency=settings.WORKER_CONCURRENCY,
            queues=["tryon", "webhooks", "default"],
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
            hostname="up@localhost",
        )
        self._thread = threading.Thread(target=self._worker.start, name="worker", daemon=True)
        self._stopping = threading.Thread(target=self._finish, name="stop", daemon=True)
        self._told_to_stop = threading.Lock()

    def start(self) -> None:
        """Start both, look for what was left from the last time, and stop when the web does."""
        self._thread.start()
        threading.Thread(
            target=beat.Service(celery_app, max_interval=1, scheduler_cls=beat.Scheduler).start,
            name="beat",
            daemon=True,
        ).start()
        for sweep in SWEEPS:
            celery_app.send_task(sweep)
        for queue in canary.queues():
            celery_app.send_task(canary.TASK, (queue,), queue=queue)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            self._stop_on(number)

    def _stop_on(self, number: signal.Signals) -> None:
        """Begin to stop beside gunicorn, which gives its worker only so long."""
        stop_web = signal.getsignal(number)

        def stop(received: int, frame: FrameType | None) -> None:
            self._begin_to_stop()
            if callable(stop_web):
                stop_web(received, frame)

        signal.signal(number, stop)

    def stop(self) -> None:
        """Return when every job has ended; those that take too long are handed back, and the process ends here."""
        self._begin_to_stop()
        self._stopping.join()

    def _begin_to_stop(self) -> None:
        # The next signal may come while the thread is being started for the first one.
        if self._told_to_stop.acquire(blocking=False):
            self._stopping.start()

    def _finish(self) -> None:
        waiting.stopping.set()
        setattr(state, "should_stop", os.EX_OK)  # noqa: B010  (the stubs know only its initial value)
        if not finish_or_hand_back(GRACE_SECONDS):
            os._exit(os.EX_OK)
