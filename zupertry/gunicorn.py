"""How gunicorn serves the web process: `gunicorn -c python:zupertry.gunicorn zupertry.wsgi`. Threads in one process."""

import os

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


def on_starting(_server: object) -> None:
    """Refuse to start while a setting is missing or wrong."""
    import django

    django.setup()
    from zupertry.checks import refuse_to_start

    refuse_to_start()
