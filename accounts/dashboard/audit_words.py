"""What an entry of the audit log says, as people read it: the CSV has it as it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from accounts.models import Region, Role
from zupertry.core import ids
from zupertry.core.money import format_count, format_minor

NAMES = {"fields": "changed", "because": "why", "due_at": "due"}
"""Details whose own names say too little; the others' are words, but for underscores and the unit of money."""
PAGES = {"job": "tryon:job", "pay": "billing:payment", "whd": "developers:delivery"}
"""Where what an id stands for is shown, by the id's prefix."""
LABELS: Mapping[str, str] = dict([*Region.choices, *Role.choices])
"""Codes, as they are called elsewhere."""
CODED = {"region", "role", "before", "after"}
"""Details that may be such codes; what people typed never is."""
CURRENCY = "currency"
"""The detail that says what the sums beside it are in."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One detail. `address` is the page about it, or empty."""

    name: str
    text: str
    address: str = ""


def action_in_words(action: str) -> str:
    """Return an action as people read it: `API key created` for `api_key.created`."""
    words = _spaced(action.replace(".", " "))
    words = words.replace("api key", "API key").replace(" url", " URL").replace("auto reload", "auto-reload")
    return words[:1].upper() + words[1:]


def details_in_words(details: Mapping[str, Any], currency: str) -> list[Detail]:
    """Return an entry's details. Sums that don't say what they are in are in `currency`."""
    currency = details.get(CURRENCY, currency)
    return [
        Detail(
            NAMES.get(name) or _spaced(name.removesuffix("_minor")), _text(name, value, currency), where_shown(value)
        )
        for name, value in details.items()
        if name != CURRENCY
    ]


def where_shown(value: Any) -> str:
    """Return the address of the page about what `value` is the id of; empty where there is none."""
    prefix = _prefix(value)
    return reverse(PAGES[prefix], args=[value]) if prefix in PAGES else ""


def _text(name: str, value: Any, currency: str) -> str:
    if isinstance(value, list):
        return ", ".join(_spaced(str(item)) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return format_minor(value, currency) if name.endswith("_minor") else format_count(value, currency)
    if prefix := _prefix(value):
        return f"{prefix}_…{value[-6:]}"
    return LABELS.get(value, value) if name in CODED else str(value)


def _prefix(value: Any) -> str:
    """Return the prefix of an id; empty for what is none."""
    prefix = value.partition("_")[0] if isinstance(value, str) else ""
    return prefix if prefix and ids.is_id(prefix, value) else ""


def _spaced(name: str) -> str:
    return name.replace("_", " ")
