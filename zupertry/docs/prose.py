"""Turns the plain text of the API's description into HTML: words in backticks become code."""

import re

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

_CODE = re.compile(r"`([^`]+)`")
# drf-spectacular appends the values of an enumeration to its description; the page lists them by itself.
_LISTED_VALUES = re.compile(r"^\* `[^`]*` - .*$\n?", re.MULTILINE)


def prose(text: str) -> SafeString:
    """Return `text` as HTML, escaped, with its `words in backticks` as code and without lists of values."""
    kept = escape(_LISTED_VALUES.sub("", text).strip())
    return mark_safe(_CODE.sub(r"<code>\1</code>", kept))  # noqa: S308  (escaped above)


_COMMENTS = {
    "shell": r"(?<!\S)#[^\n]*",
    "python": r"#[^\n]*",
    "javascript": r"//[^\n]*|/\*.*?\*/",
    "json": r"(?!)",
    "http": r"(?!)",
}
_STRINGS = r'"""(?s:.*?)"""|"(?:\\.|[^"\\\n])*"|' + r"'(?:\\.|[^'\\])*'|`[^`]*`"
_WORDS = (
    "and as async await const def else export for from function if import in let new not null or raise return some "
    "throw true false False True None try except with"
)
_KEYWORDS = r"\b(?:" + "|".join(_WORDS.split()) + r")\b"
_NUMBERS = r"(?<![\w.-])-?\d[\d_.]*\b"


def highlighted(code: str, language: str) -> SafeString:
    """Return `code` as HTML with its comments, strings, keys, words and numbers in spans of classes `c s k w n`."""
    pattern = re.compile(
        rf"(?P<c>{_COMMENTS[language]})|(?P<k>\"[\w.-]+\"(?=\s*:))|(?P<s>{_STRINGS})|(?P<w>{_KEYWORDS})|(?P<n>{_NUMBERS})",
        re.DOTALL,
    )
    pieces, end = [], 0
    for match in pattern.finditer(code):
        pieces.append(escape(code[end : match.start()]))
        pieces.append(format_html('<span class="{}">{}</span>', match.lastgroup, match.group()))
        end = match.end()
    pieces.append(escape(code[end:]))
    return mark_safe("".join(pieces))  # noqa: S308  (every piece is escaped)
