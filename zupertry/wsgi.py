"""The web process: `gunicorn -c python:zupertry.gunicorn zupertry.wsgi`."""

import os

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest


class Utf8Request(WSGIRequest):
    """A request that is read as UTF-8, whatever charset its Content-Type names.

    Django would decode the query with any codec that Python knows, and crash, before any view of ours, on those that
    make no text (`charset=hex`).
    """

    @property
    def encoding(self) -> str:
        """Always UTF-8."""
        return "utf-8"

    @encoding.setter
    def encoding(self, value: str) -> None:
        """Keep UTF-8."""


class Handler(WSGIHandler):
    """Django's handler, for such requests."""

    request_class = Utf8Request


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zupertry.settings")
django.setup(set_prefix=False)
application = Handler()
