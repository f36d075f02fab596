"""How values look on staff's pages."""

import json
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince

NOTHING = "none"
TONES = {
    **dict.fromkeys(["completed", "delivered", "paid"], "good"),
    **dict.fromkeys(["pending", "processing", "retrying", "created", "open"], "wait"),
    **dict.fromkeys(["failed", "quarantined", "suspended", "to be deleted", "closed, being erased", "deleted"], "bad"),
    "live": "accent",
}
"""The colour of a state, where it has one."""


def utc(at: datetime | None, *, exact: bool = False) -> str:
    """Return a moment in UTC, to the second, or `exact` to the millisecond."""
    if at is None:
        return NOTHING
    fraction = f".{at.microsecond // 1000:03}" if exact else ""
    shown = f"{at:%-d %b %Y, %H:%M:%S}{fraction} UTC"
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), shown)


def age(at: datetime) -> str:
    """Return how long ago a moment was; pointed at, when."""
    ago = timesince(at, depth=1)
    title = f"{at:%-d %b %Y, %H:%M:%S} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), title, ago)


def until(at: datetime | None) -> str:
    """Return a moment, and whether it is to come."""
    return format_html("{}{}", utc(at), "" if at is None or at > timezone.now() else " (now due)")


def milliseconds(duration: int | None) -> str:
    """Return a duration, grouped."""
    return NOTHING if duration is None else f"{duration:,} ms"


def code(text: str | None) -> str:
    """Return an id, a reference or the like."""
    return format_html("<code>{}</code>", text) if text else NOTHING


def url(text: str) -> str:
    """Return an address as text: it may be long, and lead anywhere."""
    return format_html('<code class="whole">{}</code>', text) if text else NOTHING


def state(value: str) -> str:
    """Return a state, in its colour."""
    return format_html('<span class="state {}">{}</span>', TONES.get(value, ""), value)


def raw(text: str) -> str:
    """Return a longer text as it stands."""
    return format_html('<pre class="raw" tabindex="0">{}</pre>', text) if text else NOTHING


def as_json(value: Any) -> str:
    """Return a structure, indented."""
    return raw(json.dumps(value, indent=2, ensure_ascii=False)) if value else NOTHING
