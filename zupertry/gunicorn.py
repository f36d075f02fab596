"""How gunicorn serves the web process: `gunicorn -c python:zupertry.gunicorn zupertry.wsgi`. Threads in one process."""

import os
import signal
from types import FrameType

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zupertry.settings")

import gunicorn.util
from django.conf import settings
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger

from zupertry.wire_errors import write_error

gunicorn.util.write_error = write_error


class OurLogs(Logger):
    """Gunicorn's own lines, in the form of all others."""

    def setup(self, cfg: Config) -> None:
        """Leave the writing to the handlers that `zupertry.logs` has set up."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


bind = f"{settings.HOST}:{settings.PORT}"
worker_class = "zupertry.web_worker.BoundedWorker"
workers = 1
threads = settings.WEB_THREADS
graceful_timeout = 6
timeout = 60
keepalive = 5
max_requests = 0
preload_app = False
control_socket_disable = True
# Whose X-Forwarded- headers are believed is for `TRUSTED_PROXIES` to say (`core/requests.py`): gunicorn believes none.
forwarded_allow_ips = ""
accesslog = None
errorlog = "-"
loglevel = "warning"
logger_class = OurLogs


def post_worker_init(_worker: object) -> None:
    """Tell the metrics, and answer whoever waits for a job's end as soon as the process is told to stop."""
    from tryon.api.waiting import stopping
    from zupertry.metrics_port import serve

    serve(of_service=True)

    stop_web = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()
        if callable(stop_web):
            stop_web(number, frame)

    signal.signal(signal.SIGTERM, stop)


def on_starting(server: Arbiter) -> None:
    """Refuse to start while a setting is missing or wrong."""
    if server.cfg.workers > 1 and (settings.METRICS_TOKEN or settings.METRICS_PORT):
        raise SystemExit(
            f"Gunicorn was told to run {server.cfg.workers} workers, and each scrape of the metrics would see another. "
            "Run one, with WEB_THREADS threads, and as many of these processes as are needed."
        )
    import django

    django.setup()
    from zupertry.checks import refuse_to_start

    refuse_to_start()
