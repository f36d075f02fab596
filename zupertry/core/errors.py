"""The errors that a caller is told about, and the one envelope they are told in."""

from collections.abc import Mapping, Sequence
from typing import Any

from zupertry.core.support import at_support

STATUS = {
    "bad_request": 400,
    "unauthorized": 401,
    "invalid_api_key": 401,
    "api_key_revoked": 401,
    "api_key_disabled": 401,
    "insufficient_credits": 402,
    "account_suspended": 403,
    "forbidden": 403,
    "workspace_not_found": 404,
    "job_not_found": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "job_not_cancellable": 409,
    "idempotency_conflict": 409,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "validation_error": 422,
    "no_payment_method": 422,
    "rate_limit_exceeded": 429,
    "api_key_limit_reached": 429,
    "workspace_limit_reached": 429,
    "internal_error": 500,
    "payment_provider_error": 502,
    "service_unavailable": 503,
}
"""HTTP status of every public error code."""

DASHBOARD_ONLY = frozenset(
    {"api_key_limit_reached", "workspace_limit_reached", "no_payment_method", "payment_provider_error"}
)
"""Those that people meet, and no operation of `/v1` answers with."""

RETRY_AFTER_SECONDS = 5
"""What a caller is told to wait when a part of the service is down."""


class Refusal(Exception):
    """The request cannot be done, and the caller is told why.

    `code` is a key of `STATUS`, `message` a sentence that says what to do, `fields` the messages by field of a
    `validation_error`, `headers` what the answer carries besides.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = fields
        self.headers = dict(headers or {})

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return STATUS[self.code]


def envelope(refusal: Refusal, request_id: str) -> dict[str, Any]:
    """Return the body of an error answer."""
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message, "request_id": request_id}
    if refusal.fields:
        error["fields"] = {name: list(messages) for name, messages in refusal.fields.items()}
    return {"error": error}


def service_unavailable(what: str) -> Refusal:
    """Return the refusal for a part of ours that is down just now."""
    return Refusal(
        "service_unavailable",
        f"{what} is not reachable just now. Send it again in a few seconds, with the same Idempotency-Key if any.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def broken_request(why: str) -> Refusal:
    """Return the refusal for a request that no code of ours can work with; `why` begins a sentence."""
    return Refusal("bad_request", f"The request can't be used. {why}; check how it is sent.")


def internal_error() -> Refusal:
    """Return the refusal for what nobody foresaw."""
    return Refusal(
        "internal_error",
        "Something of ours went wrong. Send the request again; if it keeps failing, "
        f"write to us{at_support()} with the request id.",
    )
