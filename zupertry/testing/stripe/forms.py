"""Stripe's requests: form fields whose names are paths, such as `line_items[0][price_data][currency]`."""

import re
from typing import Any
from urllib.parse import parse_qsl

Params = dict[str, Any]


def parse_form(text: str) -> Params:
    """Return a request's parameters as nested dictionaries and lists; every value is text."""
    tree: Params = {}
    for index, (name, value) in enumerate(parse_qsl(text, keep_blank_values=True)):
        *parents, last = re.findall(r"[^\[\]]+", name.replace("[]", f"[{index}]"))
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[last] = value
    return {name: _with_lists(value) for name, value in tree.items()}


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if all(name.isdigit() for name in value):
        return [_with_lists(value[name]) for name in sorted(value, key=int)]
    return {name: _with_lists(inner) for name, inner in value.items()}
