"""The OpenAPI 3.1 description of `/v1`, made from the serializers and served by the running service."""

from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from zupertry.core.api import MAX_BODY_BYTES, ApiViewSet
from zupertry.core.errors import DASHBOARD_ONLY, STATUS

CONVENTIONS = f"""
Send JSON, encoded as UTF-8 and at most {MAX_BODY_BYTES // 1024} KiB, with `Content-Length`; `null` means that a field
is absent, and unknown fields are ignored. Answers are JSON. Times are ISO 8601 in UTC, with milliseconds and `Z`.

**Keys.** `Authorization: Bearer zt_live_sk_…` spends credits and runs the real engine; `zt_test_sk_…` is free, makes a
mock picture, and sees only test jobs.

**Errors** are `{{"error": {{"code", "message", "request_id"}}}}`, whatever went wrong. Requests are checked in this
order: authentication, suspension, rate limit, body, `Idempotency-Key`, workspace, credits.

**Rate limit**: requests a minute per organisation, over all its keys, in a window that opens with its first request.
Over it: 429; waiting for `Retry-After` seconds helps.
"""
STATUS_TEXT = {
    400: "The request itself is broken.",
    401: "No key, or one that can't be used.",
    402: "No credits are left.",
    403: "Not for this organisation.",
    404: "There is no such thing.",
    405: "This address does not answer that method.",
    409: "It conflicts with what was done before.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Something in the request is missing or wrong.",
    429: "Too many requests.",
    500: "Something of ours went wrong.",
    503: "A part of the service is down, and nothing was changed.",
}
HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {"description": "Name it when you ask us about a request.", "schema": {"type": "string"}},
    "RateLimit-Limit": {"description": "Requests per window of a minute.", "schema": {"type": "integer"}},
    "RateLimit-Remaining": {"description": "Requests that remain in this window.", "schema": {"type": "integer"}},
    "RateLimit-Reset": {
        "description": "Seconds until the window is over.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 60},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
    "WWW-Authenticate": {"description": "How to authenticate: `Bearer`.", "schema": {"type": "string"}},
    "Allow": {"description": "The methods that this address answers.", "schema": {"type": "string"}},
}
ALWAYS = ["X-Request-Id"]
AUTHENTICATED = [*ALWAYS, "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
HEADERS_OF_ERRORS = {
    400: ALWAYS,
    401: [*ALWAYS, "WWW-Authenticate"],
    405: [*AUTHENTICATED, "Allow"],
    429: [*AUTHENTICATED, "Retry-After"],
    503: [*ALWAYS, "Retry-After"],
}


class BearerKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the description says `Authorization: Bearer`."""

    target_class = "accounts.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """Return the security scheme."""
        return {"type": "http", "scheme": "bearer", "description": "A key: `zt_live_sk_…` or `zt_test_sk_…`."}


class ErrorAwareSchema(AutoSchema):
    """Adds to every operation the errors that it can answer with."""

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Listings are objects that hold the rows under a name, never bare arrays."""
        return False

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Return the operation with its error responses."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            for status in self._error_statuses(operation):
                operation["responses"].setdefault(str(status), {"$ref": f"#/components/responses/Error{status}"})
        return operation

    def _error_statuses(self, operation: dict[str, Any]) -> list[int]:
        statuses = {400, 500}
        if self.view.authentication_classes:
            statuses.update((401, 403, 429, 503))
        if self.method == "POST":
            statuses.update((402, 404, 409, 413, 415, 422))
        if self.method == "DELETE":
            statuses.add(409)
        for parameter in operation.get("parameters", []):
            statuses.add(422 if parameter["in"] == "query" else 404)
            statuses.update({404} if parameter["name"].endswith("_id") else ())
        return sorted(statuses)


def describe_conventions(result: dict[str, Any], generator: SchemaGenerator, **_: Any) -> dict[str, Any]:
    """Add what holds for all of `/v1`: the error envelope and the headers of answers."""
    components = result["components"]
    components["schemas"] = generator.registry.build({})["schemas"]  # again, now that the webhooks have theirs
    for name, schema in components["schemas"].items():
        _tidy(schema)
        if not name.endswith("Request"):
            schema["required"] = list(schema["properties"])
    result["info"]["description"] += "\n" + CONVENTIONS
    components["schemas"]["Error"] = _error_schema()
    components["responses"] = {f"Error{status}": _error_response(status) for status in STATUS_TEXT}
    components["headers"] = HEADERS
    for operation in (operation for path in result["paths"].values() for operation in path.values()):
        _describe_success(operation)
    return result


def _describe_success(operation: dict[str, Any]) -> None:
    _tidy(operation.get("parameters", []))
    headers = AUTHENTICATED if operation.get("security") else ALWAYS
    for status, response in operation["responses"].items():
        if int(status) < 300:
            response["description"] = operation["description"]
            response.setdefault("headers", {}).update(_header_references(headers))


def _tidy(node: Any) -> None:
    """Take out, in place, what the generator notes for itself and what an answer has no use for."""
    if isinstance(node, dict):
        for noise in ("x-spec-enum-id", "readOnly"):
            node.pop(noise, None)
        for child in node.values():
            _tidy(child)
    elif isinstance(node, list):
        for child in node:
            _tidy(child)


def _header_references(names: list[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _error_schema() -> dict[str, Any]:
    error = {
        "type": "object",
        "required": ["code", "message", "request_id"],
        "properties": {
            "code": {"type": "string", "enum": list(STATUS)},
            "message": {"type": "string", "description": "A sentence that says what to do."},
            "request_id": {"type": "string"},
            "fields": {
                "type": "object",
                "description": "On `validation_error`: messages by field.",
                "additionalProperties": {"type": "array", "items": {"type": "string"}},
            },
        },
    }
    return {"type": "object", "required": ["error"], "properties": {"error": error}}


def _error_response(status: int) -> dict[str, Any]:
    codes = [code for code, of_code in STATUS.items() if of_code == status and code not in DASHBOARD_ONLY]
    example = {
        "error": {"code": codes[0], "message": STATUS_TEXT[status], "request_id": "req_5f0c2e91ab34d7786620cd1e"}
    }
    return {
        "description": f"{STATUS_TEXT[status]} Codes: {', '.join(f'`{code}`' for code in codes)}.",
        "headers": _header_references(HEADERS_OF_ERRORS.get(status, AUTHENTICATED)),
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "example": example}},
    }


@cache
def api_schema() -> dict[str, Any]:
    """Return the description of `/v1`, made once per process."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema


class SchemaViewSet(ApiViewSet):
    """The description itself: public, and not counted."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []

    @extend_schema(
        summary="Describe the API",
        operation_id="getDescription",
        tags=["Description"],
        auth=[],
        responses={200: OpenApiTypes.OBJECT},
    )
    def retrieve(self, request: Request) -> Response:
        """Return this description, in OpenAPI 3.1. It needs no key and is not counted."""
        return Response(api_schema())
