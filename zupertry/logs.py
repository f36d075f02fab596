"""Logs: one line an event, as JSON or for reading, from our own code and from libraries alike; never a secret.

Code binds what its lines are about (`structlog.contextvars.bind_contextvars`): request_id, org, key, job, delivery.
"""

import json
import logging.config
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from django.conf import settings

from zupertry.core import redaction

SECRETS = [
    "SECRET_KEY",
    "STRIPE_SECRET_KEY",
    "RAZORPAY_KEY_SECRET",
    "AWS_SECRET_ACCESS_KEY",
    "METRICS_TOKEN",
    "POSTGRES_PASSWORD",
]
"""Settings that are secrets, whole."""
LISTS_OF_SECRETS = ["ENCRYPTION_KEYS", "STRIPE_WEBHOOK_SECRET", "RAZORPAY_WEBHOOK_SECRET"]
ADDRESSES = ["DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "EMAIL_URL", "SENTRY_DSN"]
"""Settings that hold a password before the host."""

BROKEN_REQUESTS = [
    "DisallowedHost",
    "RequestDataTooBig",
    "SuspiciousMultipartForm",
    "TooManyFieldsSent",
    "TooManyFilesSent",
]
"""What Django refuses by an exception, and logs as an error with its traceback, though nothing of ours is wrong."""
MAX_BLAME = 200
"""Characters of such a line: it quotes what was sent."""

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

log = structlog.get_logger(__name__)


class Stderr(logging.StreamHandler[Any]):
    """Writes lines to standard error. Of a record that can't be written it says so, and not what was in it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        """Write no traceback and no arguments, as `logging` would: nobody has looked for secrets in them."""
        kind = sys.exc_info()[0]
        lost = {"event": "line_lost", "level": "error", "logger": record.name, "error": kind and kind.__name__}
        with suppress(OSError, ValueError):  # nobody reads, or the stream is closed
            self.stream.write(f"{json.dumps(lost)}\n")


class InOneLine(logging.Filter):
    """Makes a warning of one line of what anybody can send as often as they like."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Take level, length and traceback from a record; it is written in any case."""
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        record.msg, record.args = record.getMessage()[:MAX_BLAME], ()
        record.exc_info = record.exc_text = None
        return True


def configure(options: Mapping[str, Any]) -> None:
    """Set structlog and the standard library up to write the same lines to standard error."""
    redaction.hide(_secrets())
    if options["format"] == "json":
        renderer: Any = structlog.processors.JSONRenderer()
    else:
        # The default formatter shows every local variable, keys and secrets among them.
        plain = structlog.dev.plain_traceback
        renderer = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, exception_formatter=plain)
    last = [structlog.processors.format_exc_info, redaction.redact_event, renderer]
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.captureWarnings(capture=True)
    _log_what_nobody_caught()
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": SHARED,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
                }
            },
            "filters": {"one_line": {"()": "zupertry.logs.InOneLine"}},
            "handlers": {"stderr": {"class": "zupertry.logs.Stderr", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": "INFO"},
            "loggers": {
                # One line a task is ours to write; Celery's own two say less.
                "celery.app.trace": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
                "stripe": {"level": "WARNING"},
                "urllib3": {"level": "WARNING"},
                "django.request": {"level": "ERROR"},
                **{f"django.security.{name}": {"filters": ["one_line"]} for name in BROKEN_REQUESTS},
            },
        }
    )


def _secrets() -> Iterator[str]:
    """Go through the secrets that the environment, or `VAR_DIR` on a laptop, gives this installation."""
    env = settings.ENVIRONMENT
    yield settings.SECRET_KEY
    yield from settings.ENCRYPTION_KEYS
    for name in SECRETS:
        yield env.text(name)
    for name in LISTS_OF_SECRETS:
        yield from env.items(name)
    for name in ADDRESSES:
        yield from _credentials(env.text(name), of_sentry=name == "SENTRY_DSN")


def _credentials(address: str, *, of_sentry: bool) -> Iterator[str]:
    """Return the password of a server's address, as it stands there and as it is meant; of a DSN its key."""
    try:
        parts = urlsplit(address)
        found = (parts.username if of_sentry else parts.password) or ""
    except ValueError:  # the checks tell of it
        return
    yield from {found, unquote(found)}


def _log_what_nobody_caught() -> None:
    """Have tracebacks that end a process or a thread be lines like all others: Python's own print what they like."""

    def of_process(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, traceback)
            return
        log.critical("process_crashed", exc_info=(kind, error, traceback))

    def of_thread(crash: threading.ExceptHookArgs) -> None:
        if crash.exc_value is not None and not issubclass(crash.exc_type, SystemExit):
            name = crash.thread.name if crash.thread else ""
            log.critical("thread_crashed", thread=name, exc_info=(crash.exc_type, crash.exc_value, crash.exc_traceback))

    sys.excepthook = of_process
    threading.excepthook = of_thread
