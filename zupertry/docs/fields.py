"""The fields of the API's description, flattened to rows: `jobs[].job_id` is a field of the objects in `jobs`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from zupertry.docs.prose import prose

Schema = Mapping[str, Any]

WIDEST_USEFUL_NUMBER = 2**31 - 1
"""Limits from here on say how a number is stored, and nothing that a caller needs."""


@dataclass(frozen=True, slots=True)
class Field:
    """A row of a table of fields. `limits` and `values` are what may stand in it."""

    name: str
    type: str
    required: bool
    description: SafeString
    limits: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


def resolved(node: Schema, document: Schema) -> Schema:
    """Return what a `$ref` within `document` points at, with the neighbours of the `$ref`; any other node as it is."""
    if "$ref" not in node:
        return node
    target: Schema = document
    for part in node["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**target, **{name: value for name, value in node.items() if name != "$ref"}}


def fields_of(schema: Schema, document: Schema, *, prefix: str = "") -> tuple[Field, ...]:
    """Return a row for every property of an object, or of the objects in an array, each followed by its own."""
    node = resolved(schema, document)
    if _type(node) == "array":
        return fields_of(node["items"], document, prefix=f"{prefix}[]")
    return tuple(_rows(node, document, f"{prefix}." if prefix else ""))


def _rows(node: Schema, document: Schema, prefix: str) -> Iterator[Field]:
    required = node.get("required", [])
    for name, child in node.get("properties", {}).items():
        inner = resolved(child, document)
        yield field(prefix + name, inner, document, required=name in required)
        yield from fields_of(inner, document, prefix=prefix + name)


def field(name: str, node: Schema, document: Schema, *, required: bool) -> Field:
    """Return the row of one field or parameter, whose schema is `node`."""
    return Field(
        name=name,
        type=_type_in_words(node, document),
        required=required,
        description=prose(node.get("description", "")),
        limits=tuple(_limits(node)),
        values=tuple(value for value in node.get("enum", ()) if value is not None),
    )


def _types(node: Schema) -> list[str]:
    types = node.get("type", "any")
    return [types] if isinstance(types, str) else list(types)


def _type(node: Schema) -> str:
    return next(type_ for type_ in _types(node) if type_ != "null")


def _type_in_words(node: Schema, document: Schema) -> str:
    words = _type(node)
    if words == "array":
        words = f"array of {_type(resolved(node['items'], document))}s"
    elif isinstance(values := node.get("additionalProperties"), Mapping) and "properties" not in node:
        words = f"map of string to {_type_in_words(resolved(values, document), document)}"
    elif node.get("format") == "date-time":
        words = "timestamp"
    return f"{words} or null" if "null" in _types(node) else words


def _limits(node: Schema) -> Iterator[str]:
    least, most = node.get("minimum"), node.get("maximum")
    if most is not None and most < WIDEST_USEFUL_NUMBER:
        yield f"{least or 0} to {most}"
    if "maxLength" in node:
        yield f"at most {node['maxLength']:,} characters"
    if "maxProperties" in node:
        yield f"at most {node['maxProperties']} entries"
    if "maxLength" in (names := node.get("propertyNames", {})):
        yield f"keys of at most {names['maxLength']} characters"
    if "maxLength" in (values := node.get("additionalProperties") or {}):
        yield f"values of at most {values['maxLength']} characters"
    if "default" in node:
        yield f"default {node['default']}"
