"""Takes secrets out of text: the last line of defence of logs and error reports, behind never writing one down.

What has a form of its own is found by it (keys, tokens, links, cards, addresses), what has none by the name before it,
and this installation's own secrets by their very value.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

HIDDEN = "[redacted]"
LONGEST = 50_000
"""Characters of a text that are kept: nobody reads more, and each pattern goes over all of it."""
ORDINARY = re.compile(r".{0,7}|[a-z_-]{0,15}", re.DOTALL)
"""A password like `postgres` is also a word: hiding it by its value would hide half of every line."""

_NAMES = r"password|passwd|secret|token|signature|api_?key|private_?key|cvc|cvv|card_?number"
_HEADERS = r"(?:proxy-)?authorization|(?:set-)?cookie|[\w-]{1,40}-signature"
_SENSITIVE_NAME = re.compile(rf"(?i).*(?:{_NAMES}|authorization|cookie|csrf|sessionid).*")
_BARE = r"[^\s\"',&;}\])\[{(][^\s\"',&;}\])]*"
_PATTERNS: list[tuple[re.Pattern[str], str]] = [
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    # Links carry their rights in the query, or in the fragment; servers' addresses a password before the host.
    (re.compile(r"(?<=://)[^\s/@\"'<>]+@"), f"{HIDDEN}@"),
    (re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{1,20}://[^\s?#\"'<>]{0,2048})[?#][^\s\"'<>]+"), rf"\1?{HIDDEN}"),
    (re.compile(r"\?[\w.%\[\]-]+=[^\s\"'<>]*"), f"?{HIDDEN}"),
    (re.compile(r"(/password/reset/usr_[0-9a-v]+-)[^\s/?\"'<>]+"), rf"\1{HIDDEN}"),
    # Secrets that say what they are.
    (re.compile(r"(zt_(?:live|test)_sk_)[0-9A-Za-z]{8,}"), rf"\1{HIDDEN}"),
    (re.compile(r"(whsec_)[0-9A-Za-z+/=_-]{8,}"), rf"\1{HIDDEN}"),
    (re.compile(r"((?<![0-9A-Za-z_])[sr]k_(?:live|test)_)[0-9A-Za-z]{8,}"), rf"\1{HIDDEN}"),
    (re.compile(r"(_secret_)[0-9A-Za-z]{8,}"), rf"\1{HIDDEN}"),
    (re.compile(r"\bgAAAAA[\w=-]{40,}"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|\bya29\.[\w.-]{8,}"), HIDDEN),
    (re.compile(r"(?i)\b(Bearer|Basic)\s+[\w.~+/=-]{16,}"), rf"\1 {HIDDEN}"),
    # Secrets that something else says what they are.
    (re.compile(rf"(?i)(?<![\w-])((?:{_HEADERS})[\"']?\s*[:=]\s*[\"']?)[^\"'\r\n]+"), rf"\1{HIDDEN}"),
    (re.compile(r"\b((?:__Host-)?(?:session|csrf)(?:id|token)?[\"']?\s*[:=]\s*[\"']?)[\w.:-]{16,}"), rf"\1{HIDDEN}"),
    (re.compile(rf"(?i)((?:{_NAMES})[\"']?\s*[:=]\s*)(?:\"[^\"\n]*\"|'[^'\n]*'|{_BARE})"), rf"\1{HIDDEN}"),
    # PostgreSQL shows the row that it refuses.
    (re.compile(r"(Failing row contains )\((?:.*?\)\.(?=\n|\Z)|[^\n]*)", re.DOTALL), rf"\1{HIDDEN}"),
    (re.compile(r"(Key \([^)\n]{0,200}\))=\([^\n]{0,500}?\)(?= )"), rf"\1={HIDDEN}"),
    (re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[A-Za-z]{2,24}\b"), "[address]"),
]
_CARD = re.compile(r"(?<![\w.-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\w-])")
_known: list[str] = []


def hide(secrets: Iterable[str]) -> None:
    """Hide these very values too, from now on: the secrets that this installation is set up with."""
    # The longest first: one may be part of another.
    _known[:] = sorted({*_known, *(text for text in secrets if not ORDINARY.fullmatch(text))}, key=len, reverse=True)


def redact(text: str) -> str:
    """Return the text without its secrets."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]} [cut]"
    for secret in _known:
        text = text.replace(secret, HIDDEN)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return _CARD.sub(_without_card, text)


def redact_all(value: Any, name: str = "") -> Any:
    """Return the same value without secrets: text, and lists and mappings of it. Anything else becomes its `repr`.

    `name` is what the value stands under; a `password` is hidden whatever it is.
    """
    if value is None or isinstance(value, bool):
        return value
    if _SENSITIVE_NAME.fullmatch(name):
        return HIDDEN
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(str(key)): redact_all(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_all(item) for item in value]
    return redact(_shown(value))


def _number(value: float) -> Any:
    """Return a number, unless it is that of a card."""
    text = str(value)
    return value if redact(text) == text else HIDDEN


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(value).__name__} that can't be shown: {type(error).__name__}>"


def _without_card(found: re.Match[str]) -> str:
    digits = [int(character) for character in found[0] if character.isdigit()]
    return HIDDEN if len(digits) <= 19 and _luhn(digits) else found[0]


def _luhn(digits: list[int]) -> bool:
    """Say whether the check digit fits (ISO/IEC 7812-1)."""
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def redact_event(_logger: Any, _method: str, event: Any) -> Any:
    """Be structlog's last processor but the renderer: nothing in the line is a secret after it."""
    return {str(name): redact_all(value, str(name)) for name, value in event.items()}
