"""How values look on staff's pages."""

import json
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from zupertry.core import ids

NOTHING = "none"
ENDING = 6
"""How much of an id's end a listing shows: enough to tell rows apart, whose ids begin with the time."""
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
    clock = f"{at:%H:%M:%S}" + (f".{at.microsecond // 1000:03}" if exact else "") + " UTC"
    return format_html(
        '<time datetime="{iso}" title="{whole}">'
        "<span>{day}<span{mark}> {year}</span>,</span> <span>{clock}</span></time>",
        iso=at.isoformat(),
        whole=f"{at:%-d %b %Y}, {clock}",
        day=f"{at:%-d %b}",
        year=at.year,
        mark=SafeString(' class="this-year"') if at.year == timezone.now().year else "",
        clock=clock,
    )


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


def code(text: str | None) -> SafeString:
    """Return an id, a reference or the like. A listing shows the ends of an id of ours; what is copied is all of it."""
    if not text:
        return SafeString(NOTHING)
    prefix = text.partition("_")[0]
    if not (prefix.isalpha() and ids.is_id(prefix, text)):
        return format_html("<code>{}</code>", text)
    begin, middle, end = f"{prefix}_", text[len(prefix) + 1 : -ENDING], text[-ENDING:]
    return format_html('<code class="id" title="{}">{}<span>{}</span>{}</code>', text, begin, middle, end)


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
