"""Shares, times and short ids in templates: `{% load figures %}`."""

from datetime import timedelta

from django import template

NONE = "\N{EN DASH}"
TELLING = 8
"""How many characters at an id's end tell it from others; those at its beginning are its time."""

register = template.Library()


@register.filter
def percent(share: float | None) -> str:
    """Write a share, 0 to 1: `98.5 %`, and `100 %` only for all of it; a dash for None."""
    if share is None:
        return NONE
    rounded = min(round(share * 100, 1), 99.9) if share < 1 else 100
    return f"{rounded:g}\N{NO-BREAK SPACE}%"


@register.filter
def lasting(time: timedelta | None) -> str:
    """Write a time: `840 ms`, `12.3 s`, `2 min 5 s`; a dash for None."""
    if time is None:
        return NONE
    seconds = time.total_seconds()
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}\N{NO-BREAK SPACE}ms"
    if seconds < 99.95:
        return f"{seconds:.1f}\N{NO-BREAK SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,}\N{NO-BREAK SPACE}min\N{NO-BREAK SPACE}{rest}\N{NO-BREAK SPACE}s"


@register.filter
def took(milliseconds: int | None) -> str:
    """Write a time in whole milliseconds as `lasting` does: `{{ job.duration_ms|took }}`."""
    return lasting(None if milliseconds is None else timedelta(milliseconds=milliseconds))


@register.filter
def short_id(public_id: str) -> str:
    """Write an id where there is little room, by its end: `job_…j8q1ks40`."""
    prefix, _, body = public_id.partition("_")
    return f"{prefix}_\N{HORIZONTAL ELLIPSIS}{body[-TELLING:]}"


@register.filter
def seconds(time: timedelta | None) -> str:
    """Write a time in seconds for a program: `12.345`; empty for None."""
    return "" if time is None else f"{time.total_seconds():.3f}"
