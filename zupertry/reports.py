"""Reports of crashes to Sentry, where `SENTRY_DSN` is set: what broke and where, and nothing of whom it broke for.

What is sent has no local variables, bodies, cookies, addresses or people in it, and is redacted as the logs are.
"""

from typing import Any

import sentry_sdk
import structlog
from django.conf import settings
from sentry_sdk.integrations import Integration
from sentry_sdk.integrations.argv import ArgvIntegration
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.stdlib import StdlibIntegration
from sentry_sdk.utils import BadDsn, Dsn

from zupertry.core.redaction import redact_all

TAGS = ("request_id", "org", "actor", "job", "delivery")
"""What is bound to the logs, and says here too what a report is about. Ids, all of them."""


def is_dsn(text: str) -> bool:
    """Say whether this is a DSN, whoever it leads to."""
    try:
        Dsn(text)
    except (BadDsn, ValueError):
        return False
    return True


def start() -> None:
    """Report from here on, if `SENTRY_DSN` says where to."""
    if not is_dsn(settings.SENTRY_DSN):  # a wrong one the checks tell of
        return
    env = settings.ENVIRONMENT
    integrations: list[Integration] = [
        DjangoIntegration(transaction_style="url", middleware_spans=False, signals_spans=False, cache_spans=False),
        CeleryIntegration(propagate_traces=False),
    ]
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        environment=env.text("SENTRY_ENVIRONMENT", "production"),
        release=env.text("SENTRY_RELEASE", "zupertry@0.1.0"),
        integrations=integrations,
        auto_enabling_integrations=False,
        # One tells the command line, and so a password; the other adds headers to what we send to customers.
        disabled_integrations=[ArgvIntegration(), StdlibIntegration()],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=_scrubbed,  # type: ignore[arg-type]  # its events are plain dictionaries
        before_breadcrumb=lambda crumb, _hint: redact_all(crumb),
        shutdown_timeout=2,
    )


def _scrubbed(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """Return the event without secrets and people, and with the ids of what it is about."""
    record = hint.get("log_record")
    if record is not None and isinstance(record.msg, dict):
        # A line of ours: structlog hands the whole of it on as the message.
        said = dict(record.msg)
        event["logentry"] = {"message": str(said.pop("event", ""))}
        event["extra"] = {"line": said}
    for name in ("query_string", "cookies", "data", "env", "headers"):
        event.get("request", {}).pop(name, None)
    event.pop("user", None)
    bound = structlog.contextvars.get_contextvars()
    event["tags"] = {**event.get("tags", {}), **{name: bound[name] for name in TAGS if bound.get(name)}}
    scrubbed: dict[str, Any] = redact_all(event)
    return scrubbed
