"""Code that the reference shows: what its requests and answers are filled with, by the schema."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from tryon.failures import MESSAGES
from zupertry.docs.fields import Schema, resolved

# What test mode simulates, so that the samples run as they stand.
MODEL_IMAGE = "https://test.zupertry.com/success.jpg"
GARMENT_IMAGE = "https://test.zupertry.com/success.jpg"
OUTPUT_URL = "https://files.zupertry.com/pictures/9f/3c…e1.jpg?expires=1773918007&signature=5b0e…"

EXAMPLES: Mapping[str, Any] = {
    "job_id": "job_06egb2d501otta1915egj8q1ks",
    "workspace_id": "ws_06e1r7vs61o8d94ftpc70pfh70",
    "org_id": "org_06e1r7vs61pojaeekcoeqmigu8",
    "name": "Autumn collection",
    "model_image_url": MODEL_IMAGE,
    "garment_image_url": GARMENT_IMAGE,
    "webhook_url": "https://shop.example/hooks/zupertry",
    "client_reference_id": "look-4711",
    "metadata": {"sku": "TS-0042"},
    "created_at": "2026-03-19T10:00:00.000Z",
    "completed_at": "2026-03-19T10:00:07.412Z",
    "output_expires_at": "2026-04-18T10:00:07.412Z",
    "output_url": OUTPUT_URL,
    "pictures_deleted_at": None,
    "error_code": None,
    "error_message": None,
    "retryable": None,
    "credits_consumed": 1,
    "credits": 248,
    "credits_reserved": 2,
    "available": 248,
    "reserved": 2,
    "available_delta": -1,
    "reserved_delta": 1,
    "kind": "hold",
    "reference": "job_06egb2d501otta1915egj8q1ks",
    "note": "",
    "duration_ms": 7104,
    "rate_limit_per_minute": 60,
    "plan": "growth",
    "region_code": "EU",
    "currency_code": "EUR",
    "auto_reload_enabled": True,
    "webhook_status": "delivered",
    "has_more": True,
    "next_cursor": "am9iXzA2ZWdiMmQ1MDFvdHRhMTkxNWVnajhxMWtz",
    "mode": "live",
    "status": "completed",
}
"""What stands in an example, by the field's name."""

CANCELLED: Mapping[str, Any] = {
    "status": "cancelled",
    "output_url": None,
    "output_expires_at": None,
    "credits_consumed": 0,
    "duration_ms": 0,
    "webhook_status": None,
    "completed_at": "2026-03-19T10:00:00.250Z",
}
EXAMPLES_OF: Mapping[str, Mapping[str, Any]] = {
    "cancelJob": CANCELLED,
    "createTryOn": {"mode": "test"},
    "getAccount": {"name": "Alice & Co"},
    "getDescription": {"": {"openapi": "3.1.0", "info": {"title": "Zupertry API"}, "paths": {"/v1/tryon": {}}}},
    "listLedger": {
        "id": "led_06egb2d501phbd5m0o9nrhkpe8",
        "next_cursor": "bGVkXzA2ZWdiMmQ1MDFwaGJkNW0wbzlucmhrcGU4",
    },
    "listWorkspaces": {
        "id": "ws_06e1r7vs61o8d94ftpc70pfh70",
        "status": "active",
        "created_at": "2026-02-02T09:12:30.000Z",
    },
    "job.completed": {"id": "evt_06egb2e1uhqml1u8908i9gpmk0"},
    "webhook.test": {
        "id": "evt_06egb2e1uhs2c6l1g7v0k9t3d4",
        "completed_at": "2026-03-19T10:00:00.000Z",
        "test": True,
        "message": "This is a test from the dashboard. No job ended.",
    },
    "job.failed": {
        "id": "evt_06egb2e1uho1r6t8u4du78dr2c",
        "error": MESSAGES["person_not_found"],
        "error_code": "person_not_found",
        "retryable": False,
        "credits_consumed": 0,
    },
}
"""What differs from `EXAMPLES`, by the id of an operation or the type of an event; the whole goes by no name."""

QUERY_OF: Mapping[str, Mapping[str, str]] = {
    "listJobs": {"status": "completed", "limit": "20"},
    "getJob": {"wait": "20"},
    "listLedger": {"kind": "hold", "limit": "20"},
}
IDEMPOTENT = frozenset({"createTryOn"})
"""Operations that take an `Idempotency-Key`."""
LEFT_OUT = frozenset({"workspace_id", "webhook_url"})
"""Optional fields of requests whose values nobody can copy."""


def example(schema: Schema, document: Schema, different: Mapping[str, Any], name: str = "") -> Any:
    """Return a value that fits `schema`: by the field's name where one is known, else by its type."""
    node = resolved(schema, document)
    if "properties" in node:
        return {key: example(child, document, different, key) for key, child in node["properties"].items()}
    if node.get("type") == "array":
        return [example(node["items"], document, different)]
    if len(values := node.get("enum", [])) == 1:
        return values[0]
    known = {**EXAMPLES, **different}
    return {} if node["type"] == "object" and name not in known else known[name]


def request_body(schema: Schema, document: Schema) -> dict[str, Any]:
    """Return an example body that anyone can send."""
    whole: dict[str, Any] = example(schema, document, {})
    return {name: value for name, value in whole.items() if name not in LEFT_OUT}


def example_url(base_url: str, path: str, operation_id: str) -> str:
    """Return the URL of an operation with its query; what its path names comes from the environment: `$JOB_ID`."""
    query = QUERY_OF.get(operation_id)
    path = re.sub(r"\{(\w+)\}", lambda named: f"${named[1].upper()}", path)
    return f"{base_url}{path}" + (f"?{urlencode(query)}" if query else "")
