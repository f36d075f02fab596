"""How gunicorn serves the web process: `gunicorn -c python:zupertry.gunicorn zupertry.wsgi`. Threads in one process."""

import os
import signal
from types import FrameType

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zupertry.settings")

import gunicorn.util
from django.conf import settings

from zupertry.wire_errors import write_error

gunicorn.util.write_error = write_error

bind = f"{settings.HOST}:{settings.PORT}"
worker_class = "gthread"
workers = 1
threads = settings.WEB_THREADS
graceful_timeout = 6
timeout = 60
keepalive = 5
max_requests = 0
preload_app = False
control_socket_disable = True
accesslog = None
errorlog = "-"
loglevel = "warning"


def post_worker_init(_worker: object) -> None:
    """Answer whoever waits for a job's end as soon as the process is told to stop."""
    from tryon.api.waiting import stopping

    stop_web = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()
        if callable(stop_web):
            stop_web(number, frame)

    signal.signal(signal.SIGTERM, stop)


def on_starting(_server: object) -> None:
    """Refuse to start while a setting is missing or wrong."""
    import django

    django.setup()
    from zupertry.checks import refuse_to_start

    refuse_to_start()
