"""Turns the plain text of the API's description into HTML: words in backticks become code."""

import re

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

_CODE = re.compile(r"`([^`]+)`")
# drf-spectacular appends the values of an enumeration to its description; the page lists them by itself.
_LISTED_VALUES = re.compile(r"^\* `[^`]*` - .*$\n?", re.MULTILINE)


def prose(text: str) -> SafeString:
    """Return `text` as HTML, escaped, with its `words in backticks` as code and without lists of values."""
    kept = escape(_LISTED_VALUES.sub("", text).strip())
    return mark_safe(_CODE.sub(r"<code>\1</code>", kept))  # noqa: S308  (escaped above)
