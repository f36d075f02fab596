"""The operations of `/v1`, prepared for the page from the OpenAPI description."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.text import slugify

from zupertry.core.code_samples import Call, Sample, json_sample, request_samples
from zupertry.core.errors import STATUS
from zupertry.docs.fields import Field, Schema, field, fields_of, resolved
from zupertry.docs.prose import prose
from zupertry.docs.samples import EXAMPLES_OF, IDEMPOTENT, example, example_url, request_body

METHODS = ("get", "post", "put", "patch", "delete")
METHODS_BY_WEIGHT = ("POST", "PUT", "PATCH", "DELETE", "GET")
PARAMETER_GROUPS = {"path": "Path", "query": "Query", "header": "Headers"}


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """A table of fields with its title."""

    title: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers with one status: fields on success, codes on failure."""

    status: int
    description: SafeString
    fields: tuple[Field, ...] = ()
    headers: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `id` is its anchor; `authenticated` is False where no key is needed."""

    id: str
    method: str
    path: str
    summary: str
    description: SafeString
    authenticated: bool
    inputs: tuple[FieldGroup, ...]
    answers: tuple[Answer, ...]
    errors: tuple[Answer, ...]
    requests: tuple[Sample, ...]
    answer_example: Sample


@dataclass(frozen=True, slots=True)
class Tag:
    """Operations that belong together. `id` is the anchor of their section."""

    id: str
    name: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook. `id` is its anchor, `name` the `type` in its body."""

    id: str
    name: str
    summary: str
    fields: tuple[Field, ...]
    example: Sample


def tags_of(document: Schema, base_url: str) -> tuple[Tag, ...]:
    """Return every operation of an OpenAPI document by its first tag. Tags that begin things come first."""
    by_tag: dict[str, list[Operation]] = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if node := item.get(method):
                by_tag.setdefault(node["tags"][0], []).append(_operation(method, path, node, document, base_url))
    tags = [Tag(slugify(name), name, tuple(operations)) for name, operations in by_tag.items()]
    return tuple(sorted(tags, key=_rank))


def _rank(tag: Tag) -> int:
    """Rank a tag by its most consequential operation, and one that needs no key last."""
    ranks = [METHODS_BY_WEIGHT.index(operation.method) for operation in tag.operations if operation.authenticated]
    return min(ranks, default=len(METHODS_BY_WEIGHT))


def events_of(document: Schema) -> tuple[Event, ...]:
    """Return every webhook of an OpenAPI document."""
    return tuple(_event(name, item["post"], document) for name, item in document["webhooks"].items())


def _event(name: str, node: Schema, document: Schema) -> Event:
    schema = _json_schema(node["requestBody"])
    body = example(schema, document, EXAMPLES_OF[name])
    # The event is made when the job ends, and the field's name is that of the job's own beginning.
    body["created_at"] = body["data"].get("completed_at", body["created_at"])
    return Event(
        slugify(name.replace(".", "-")), name, node["summary"], fields_of(schema, document), json_sample(name, body)
    )


def _operation(method: str, path: str, node: Schema, document: Schema, base_url: str) -> Operation:
    body = _json_schema(node.get("requestBody", {}))
    answers = tuple(_answers(node, document))
    return Operation(
        id=node["operationId"],
        method=method.upper(),
        path=path,
        summary=node["summary"],
        description=prose(node.get("description", "")),
        authenticated=bool(node.get("security")),
        inputs=tuple(_inputs(node, body, document)),
        answers=tuple(answer for answer in answers if answer.status < 400),
        errors=tuple(answer for answer in answers if answer.status >= 400),
        requests=request_samples(_call(method, path, node, document, base_url)),
        answer_example=_answer_example(node, document),
    )


def _call(method: str, path: str, node: Schema, document: Schema, base_url: str) -> Call:
    id_, body = node["operationId"], _json_schema(node.get("requestBody", {}))
    return Call(
        method=method.upper(),
        url=example_url(base_url, path, id_),
        authenticated=bool(node.get("security")),
        idempotent=id_ in IDEMPOTENT,
        body=request_body(body, document) if body else None,
    )


def _json_schema(content: Schema) -> Schema:
    schema: Schema = content.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _inputs(node: Schema, body: Schema, document: Schema) -> Iterator[FieldGroup]:
    parameters = [resolved(parameter, document) for parameter in node.get("parameters", [])]
    for where, title in PARAMETER_GROUPS.items():
        if fields := tuple(_parameter(parameter, document) for parameter in parameters if parameter["in"] == where):
            yield FieldGroup(title, fields)
    if body:
        yield FieldGroup("Body", fields_of(body, document))


def _parameter(parameter: Schema, document: Schema) -> Field:
    schema: dict[str, Any] = {**resolved(parameter["schema"], document)}
    schema["description"] = parameter.get("description", schema.get("description", ""))
    return field(parameter["name"], schema, document, required=parameter.get("required", False))


def _answers(node: Schema, document: Schema) -> Iterator[Answer]:
    for status, reference in node["responses"].items():
        answer = resolved(reference, document)
        if int(status) < 400:
            description = answer["description"].removeprefix(node.get("description", ""))
            fields = fields_of(_json_schema(answer), document)
            yield Answer(int(status), prose(description), fields=fields, headers=tuple(answer.get("headers", ())))
        else:
            description, _, codes = answer["description"].partition("Codes:")
            named = tuple(code for code in re.findall(r"`(\w+)`", codes) if code in STATUS)
            yield Answer(int(status), prose(description), codes=named)


def _answer_example(node: Schema, document: Schema) -> Sample:
    status, answer = next((int(status), answer) for status, answer in node["responses"].items() if int(status) < 400)
    value = example(_json_schema(answer), document, EXAMPLES_OF.get(node["operationId"], {}))
    return json_sample(f"Answer {status}", value)
