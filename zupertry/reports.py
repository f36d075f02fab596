"""Reports of crashes to Sentry, where `SENTRY_DSN` is set: what broke and where, and nothing of whom it broke for.

What is sent has no local variables, bodies, cookies, addresses or people in it, and is redacted as the logs are.
"""

import re
import sys
from typing import Any

import structlog
from django.conf import settings

from zupertry.core.redaction import redact_all

DSN = re.compile(r"https?://[^\s:@/]+(:[^\s@/]*)?@[^\s@/]+(/[^\s/]+)*/[0-9]+")
TAGS = ("request_id", "org", "actor", "job", "delivery")
"""What is bound to the logs, and says here too what a report is about. Ids, all of them."""
REPORTED_OTHERWISE = {"view_crashed", "thread_crashed", "process_crashed"}
"""Lines about exceptions that Sentry's library sees by itself."""


def is_dsn(text: str) -> bool:
    """Say whether this has the form of a DSN: a key, a server and the number of a project."""
    return DSN.fullmatch(text) is not None


def start() -> None:
    """Report from here on, if `SENTRY_DSN` says where to."""
    if not is_dsn(settings.SENTRY_DSN):  # a wrong one the checks tell of
        return
    # Sentry's library takes 0.2 s to import, which only those pay who use it.
    import sentry_sdk
    from sentry_sdk.integrations.argv import ArgvIntegration
    from sentry_sdk.integrations.celery import CeleryIntegration
    from sentry_sdk.integrations.django import DjangoIntegration
    from sentry_sdk.integrations.stdlib import StdlibIntegration

    env = settings.ENVIRONMENT
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        environment=env.text("SENTRY_ENVIRONMENT", "production"),
        release=env.text("SENTRY_RELEASE", "zupertry@0.1.0"),
        integrations=[
            DjangoIntegration(transaction_style="url", middleware_spans=False, signals_spans=False, cache_spans=False),
            CeleryIntegration(propagate_traces=False),
        ],
        auto_enabling_integrations=False,
        # One tells the command line, and so a password; the other adds headers to what we send to customers.
        disabled_integrations=[ArgvIntegration(), StdlibIntegration()],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=_scrubbed,  # type: ignore[arg-type]  # its events are plain dictionaries
        auto_session_tracking=False,
        shutdown_timeout=2,
    )


def _scrubbed(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any] | None:
    """Return the event without secrets and people, and with the ids of what it is about. None: it is reported already.

    Sentry calls it while the record is being written, in the thread and the context of what happened.
    """
    record = hint.get("log_record")
    if record is not None and isinstance(record.msg, dict):
        if record.msg.get("event") in REPORTED_OTHERWISE:
            return None
        event |= _of_line(record.msg)
    for name in ("query_string", "cookies", "data", "env", "headers"):
        event.get("request", {}).pop(name, None)
    event.pop("user", None)
    bound = structlog.contextvars.get_contextvars()
    event["tags"] = {**event.get("tags", {}), **{name: bound[name] for name in TAGS if bound.get(name)}}
    scrubbed: dict[str, Any] = redact_all(event)
    return scrubbed


def _of_line(line: dict[str, Any]) -> dict[str, Any]:
    """Return what a line of ours says: structlog hands the whole of it on as the message, its exception too."""
    from sentry_sdk import get_client
    from sentry_sdk.utils import event_from_exception, exc_info_from_error

    said = {name: value for name, value in line.items() if name not in {"event", "exc_info"}}
    told: dict[str, Any] = {"logentry": {"message": str(line.get("event", ""))}, "extra": {"line": said}}
    error = line.get("exc_info")
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        crash, _ = event_from_exception(exc_info_from_error(error), client_options=get_client().options)
        told["exception"] = crash["exception"]
    return told
