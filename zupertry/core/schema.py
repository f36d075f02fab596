"""The OpenAPI 3.1 description of `/v1`, made from the serializers and served by the running service."""

from functools import cache
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema

from zupertry.core.errors import STATUS

EVERYWHERE = (401, 403, 429, 500, 503)
WITH_BODY = (402, 404, 409, 413, 415, 422)
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
    503: "A part of the service is down.",
}
RATE_LIMIT_HEADERS = {
    "RateLimit-Limit": "Requests per window of a minute.",
    "RateLimit-Remaining": "Requests that remain in this window.",
    "RateLimit-Reset": "Seconds until the window is over.",
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

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Return the operation with its error responses."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            for status in self._error_statuses(operation):
                operation["responses"].setdefault(str(status), {"$ref": f"#/components/responses/Error{status}"})
        return operation

    def _error_statuses(self, operation: dict[str, Any]) -> list[int]:
        statuses = {400, *EVERYWHERE}
        if self.method == "POST":
            statuses.update(WITH_BODY)
        if operation.get("parameters"):
            statuses.update((404, 422))
        if self.method == "DELETE":
            statuses.add(409)
        return sorted(statuses)


def describe_conventions(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add what holds for all of `/v1`: the error envelope and the headers of answers."""
    components = result.setdefault("components", {})
    components["schemas"]["Error"] = _error_schema()
    components["responses"] = {f"Error{status}": _error_response(status) for status in STATUS_TEXT}
    components["headers"] = {
        "X-Request-Id": {"description": "Name it when you ask us about a request.", "schema": {"type": "string"}},
        **{name: {"description": text, "schema": {"type": "integer"}} for name, text in RATE_LIMIT_HEADERS.items()},
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) < 300:
                    response["headers"] = {
                        name: {"$ref": f"#/components/headers/{name}"} for name in components["headers"]
                    }
    return result


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
    codes = ", ".join(f"`{code}`" for code, of_code in STATUS.items() if of_code == status)
    return {
        "description": f"{STATUS_TEXT[status]} Codes: {codes}.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


@cache
def api_schema() -> dict[str, Any]:
    """Return the description of `/v1`, made once per process."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema


@require_safe
def serve_schema(request: HttpRequest) -> JsonResponse:
    """`GET /v1/openapi.json`, public and unlimited."""
    return JsonResponse(api_schema())
