"""`GET /v1/openapi.json` says the truth: every route, field, limit and error of `/v1`, and every webhook."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, get_resolver
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator

from accounts.models import Organisation, WebhookEvent
from accounts.webhooks.delivery import body_of
from tryon import jobs
from tryon.failures import MESSAGES, failure
from tryon.models import Job
from zupertry.core import storage
from zupertry.core.errors import DASHBOARD_ONLY, STATUS
from zupertry.testing.api import SUCCESS, ApiClient

OPERATIONS = {
    ("/v1/tryon", "post"): {202, 400, 401, 402, 403, 404, 409, 413, 415, 422, 429, 500, 503},
    ("/v1/jobs", "get"): {200, 400, 401, 403, 404, 422, 429, 500, 503},
    ("/v1/jobs/{job_id}", "get"): {200, 400, 401, 403, 404, 422, 429, 500, 503},
    ("/v1/jobs/{job_id}", "delete"): {200, 400, 401, 403, 404, 409, 429, 500, 503},
    ("/v1/workspaces", "get"): {200, 400, 401, 403, 429, 500, 503},
    ("/v1/account", "get"): {200, 400, 401, 403, 429, 500, 503},
    ("/v1/credits", "get"): {200, 400, 401, 403, 429, 500, 503},
    ("/v1/ledger", "get"): {200, 400, 401, 403, 422, 429, 500, 503},
    ("/v1/openapi.json", "get"): {200, 400, 500},
}
NULL = "null"
RATE_LIMIT = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The description as it is served."""
    response = ApiClient().get("/v1/openapi.json")
    assert response.status_code == 200
    described: dict[str, Any] = response.json()
    return described


@pytest.fixture(scope="module")
def schemas(document) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"]
    return found


def resolved(node: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    for name in node["$ref"].removeprefix("#/").split("/"):
        document = document[name]
    return document


def operations(document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_it_is_valid_openapi_3_1(document):
    assert document["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    for schema in document["components"]["schemas"].values():
        OAS31Validator.check_schema(schema)


def test_it_is_public_and_unlimited(world):
    Organisation.objects.update(rate_limit_per_minute=1)
    for client in (ApiClient(), ApiClient("nonsense"), ApiClient(world.alice.test_key)):
        for _ in range(3):
            response = client.get("/v1/openapi.json")
            assert response.status_code == 200
            assert response.headers["Content-Type"] == "application/json"
            assert "RateLimit-Limit" not in response.headers


def test_every_route_is_described(document):
    routes = {
        re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", str(pattern.pattern).strip("^$"))
        for pattern in get_resolver("zupertry.api_v1").url_patterns
        if isinstance(pattern, URLPattern)
    }
    assert {f"/v1/{route}" for route in routes} == set(document["paths"])
    assert {(path, method) for path, method, _ in operations(document)} == set(OPERATIONS)


def test_every_operation_says_what_it_does_and_what_may_go_wrong(document):
    names = set()
    for path, method, operation in operations(document):
        assert operation["summary"]
        assert operation["description"].endswith(".")
        assert operation["tags"]
        assert {int(status) for status in operation["responses"]} == OPERATIONS[path, method], (path, method)
        names.add(operation["operationId"])
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (path, parameter["name"])
        for response in operation["responses"].values():
            assert resolved(response, document)["description"].strip()
    assert len(names) == len(OPERATIONS)


def test_every_operation_but_this_needs_a_bearer_key(document):
    (name, scheme) = next(iter(document["components"]["securitySchemes"].items()))
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for path, _, operation in operations(document):
        public = path == "/v1/openapi.json"
        assert operation.get("security", []) == ([] if public else [{name: []}])


def test_every_error_is_the_envelope_with_its_codes_and_headers(document, schemas):
    error = schemas["Error"]["properties"]["error"]
    assert set(error["properties"]["code"]["enum"]) == set(STATUS)
    assert set(error["required"]) == {"code", "message", "request_id"}
    for status in {status for statuses in OPERATIONS.values() for status in statuses if status >= 400}:
        response = document["components"]["responses"][f"Error{status}"]
        media = response["content"]["application/json"]
        assert media["schema"] == {"$ref": "#/components/schemas/Error"}
        OAS31Validator(schemas["Error"]).validate(media["example"])
        for code in (code for code, of_code in STATUS.items() if of_code == status):
            assert (f"`{code}`" in response["description"]) == (code not in DASHBOARD_ONLY)
        assert "X-Request-Id" in response["headers"]
        assert ("Retry-After" in response["headers"]) == (status in {429, 503})
        assert ("WWW-Authenticate" in response["headers"]) == (status == 401)


def test_every_schema_has_a_name_that_generators_can_make_a_type_of(schemas):
    assert [name for name in schemas if not re.fullmatch("[A-Z][A-Za-z]*", name)] == []


def test_success_says_its_headers(document):
    for path, method, operation in operations(document):
        (success,) = (response for status, response in operation["responses"].items() if status < "300")
        expected = {"X-Request-Id"} | (set() if path == "/v1/openapi.json" else RATE_LIMIT)
        expected |= {"Location", "Idempotent-Replayed"} if method == "post" else set()
        assert set(success["headers"]) == expected


def test_a_submission_is_described_with_its_limits(document, schemas):
    operation = document["paths"]["/v1/tryon"]["post"]
    body = resolved(operation["requestBody"]["content"]["application/json"]["schema"], document)
    assert set(body["required"]) == {"model_image_url", "garment_image_url"}
    fields = body["properties"]
    optional = {"workspace_id", "webhook_url", "client_reference_id", "metadata"}
    assert set(fields) == {*body["required"], *optional}
    for name in ("model_image_url", "garment_image_url", "webhook_url"):
        assert (fields[name]["format"], fields[name]["maxLength"]) == ("uri", 2048)
    for name in fields:
        assert (NULL in fields[name]["type"]) == (name in optional), "null means absent"
        assert fields[name]["description"]
    assert fields["client_reference_id"]["maxLength"] == 200
    metadata = fields["metadata"]
    assert (metadata["maxProperties"], metadata["propertyNames"]["maxLength"]) == (20, 40)
    assert metadata["additionalProperties"] == {"type": "string", "maxLength": 500}
    (key,) = operation["parameters"]
    assert (key["name"], key["in"], key["schema"]["maxLength"]) == ("Idempotency-Key", "header", 255)
    for example in operation["requestBody"]["content"]["application/json"]["examples"].values():
        OAS31Validator(body).validate(example["value"])


def test_the_query_of_the_listing_is_described_with_its_limits(document):
    parameters = {parameter["name"]: parameter for parameter in document["paths"]["/v1/jobs"]["get"]["parameters"]}
    assert set(parameters) == {
        "workspace_id",
        "status",
        "limit",
        "cursor",
        "mode",
        "client_reference_id",
        "created_after",
        "created_before",
    }
    assert all(parameter["in"] == "query" for parameter in parameters.values())
    limit = parameters["limit"]["schema"]
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 100, 20)
    assert set(parameters["status"]["schema"]["enum"]) == set(Job.Status.values)
    assert set(parameters["mode"]["schema"]["enum"]) == {"live", "test"}
    assert parameters["created_after"]["schema"]["format"] == "date-time"
    wait = document["paths"]["/v1/jobs/{job_id}"]["get"]["parameters"][-1]
    assert (wait["name"], wait["schema"]["minimum"], wait["schema"]["maximum"]) == ("wait", 0, 30)


def test_answers_are_described_with_every_field_and_what_may_be_null(schemas):
    nullable = {
        "output_url",
        "credits_consumed",
        "error_code",
        "error_message",
        "retryable",
        "completed_at",
        "duration_ms",
        "output_expires_at",
        "pictures_deleted_at",
        "client_reference_id",
        "webhook_url",
        "webhook_status",
    }
    job = schemas["JobDetail"]["properties"]
    assert set(schemas["JobDetail"]["required"]) == set(job)
    assert {name for name, field in job.items() if NULL in field["type"]} == nullable
    assert set(job) - set(schemas["JobOut"]["properties"]) == {"webhook_url", "webhook_status"}
    assert set(job["status"]["enum"]) == set(Job.Status.values)
    assert set(job["error_code"]["enum"]) == {*MESSAGES, None}
    assert set(job["webhook_status"]["enum"]) == {"pending", "delivered", "failed", "retrying", None}
    assert job["output_url"]["format"] == job["webhook_url"]["format"] == "uri"
    for name in ("created_at", "completed_at", "output_expires_at", "pictures_deleted_at"):
        assert job[name]["format"] == "date-time"
    assert job["job_id"]["pattern"] == "^job_[0-9a-v]{26}$"
    assert schemas["Accepted"]["properties"]["status"]["enum"] == ["pending"]
    account = schemas["AccountOut"]["properties"]
    assert account["plan"]["enum"] == ["starter", "growth", "scale", "enterprise"]
    assert set(account["region_code"]["enum"]) == {"IN", "US", "EU", "GLOBAL"}
    assert set(account["currency_code"]["enum"]) == {"INR", "USD", "EUR"}
    assert set(schemas["WorkspaceOut"]["properties"]["status"]["enum"]) == {"active", "archived"}


def test_nothing_of_the_generators_own_is_left(document):
    assert "x-spec-enum-id" not in str(document)
    assert not re.search(r"^\* `", str(document["paths"]) + str(document["components"]), re.MULTILINE)
    assert "readOnly" not in str(document)


# What is really answered and sent fits what is described


def check(document, schema: dict[str, Any], value: Any) -> None:
    """Raise unless a value fits, and has no field that is not described."""
    whole = {**schema, "components": document["components"]}
    OAS31Validator(whole, format_checker=oas31_format_checker).validate(value)
    assert set(value) <= set(resolved(schema, document)["properties"])


def answer_schema(document, path: str, method: str) -> dict[str, Any]:
    responses = document["paths"][path][method]["responses"]
    (success,) = (response for status, response in responses.items() if status < "300")
    found: dict[str, Any] = success["content"]["application/json"]["schema"]
    return found


def end(job_id: str, outcome: str) -> None:
    job = jobs.claim(job_id)
    assert job is not None
    if outcome == "failed":
        jobs.fail(job, failure("content_blocked"))
        return
    jobs.note(job, output_name=storage.new_name("image/png"))
    jobs.complete(job, engine_request_id="")


@pytest.mark.parametrize("mode", ["live", "test"])
@pytest.mark.parametrize("state", ["pending", "cancelled", "completed", "failed"])
def test_answers_fit_their_description(world, document, mode, state):
    client = ApiClient(getattr(world.alice, f"{mode}_key"))
    accepted = client.submit(webhook_url="https://shop.example.com/hook", metadata={"a": "b"})
    check(document, answer_schema(document, "/v1/tryon", "post"), accepted.json())
    job_id = accepted.json()["job_id"]
    if state == "cancelled":
        cancelled = client.delete(f"/v1/jobs/{job_id}").json()
        check(document, answer_schema(document, "/v1/jobs/{job_id}", "delete"), cancelled)
    elif state != "pending":
        end(job_id, state)
    detail = client.get(f"/v1/jobs/{job_id}").json()
    assert detail["status"] == state
    check(document, answer_schema(document, "/v1/jobs/{job_id}", "get"), detail)
    for path in ("/v1/jobs", "/v1/workspaces", "/v1/account", "/v1/credits", "/v1/ledger"):
        check(document, answer_schema(document, path, "get"), client.get(path).json())


@pytest.mark.parametrize("outcome", ["completed", "failed"])
@pytest.mark.parametrize("mode", ["live", "test"])
def test_webhooks_fit_their_description(world, document, mode, outcome):
    client = ApiClient(getattr(world.alice, f"{mode}_key"))
    end(client.submit_job(webhook_url="https://shop.example.com/hook", metadata={"a": "b"}), outcome)
    event = WebhookEvent.objects.get()
    assert event.type == f"job.{outcome}"
    body = document["webhooks"][event.type]["post"]["requestBody"]["content"]["application/json"]["schema"]
    sent = body_of(event)
    check(document, body, sent)
    data = resolved(resolved(body, document)["properties"]["data"], document)
    assert set(sent["data"]) == set(data["properties"]) == set(data["required"])


def test_the_description_speaks_of_simulations(document):
    assert SUCCESS.split("/")[2] in str(document["paths"]) + str(document["components"])
