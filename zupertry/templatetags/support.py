"""Shows the address that customers write to as a link. Where none is set, sentences do without."""

from django import template
from django.conf import settings
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
def support_email() -> str:
    """Return the address, or nothing."""
    return str(settings.SUPPORT_EMAIL)


@register.simple_tag
def at_support() -> SafeString:
    """Return what follows “write to us”, with the address as a link, or nothing."""
    return format_html(" at {}", _link()) if settings.SUPPORT_EMAIL else SafeString()


@register.filter
def mailto(text: str) -> SafeString:
    """Make a link of the address in a sentence that comes from the code."""
    escaped = conditional_escape(text)
    if not settings.SUPPORT_EMAIL:
        return escaped
    # Both are escaped, and the address has no character that would be (`shapes.py`).
    return mark_safe(escaped.replace(settings.SUPPORT_EMAIL, _link()))  # noqa: S308


def _link() -> SafeString:
    return format_html('<a href="mailto:{0}">{0}</a>', settings.SUPPORT_EMAIL)
