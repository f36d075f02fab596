"""Stripe's errors: https://docs.stripe.com/api/errors"""

from typing import Any


class RefusedError(Exception):
    """A request that the account refuses; `status` is the HTTP status."""

    def __init__(self, status: int, message: str, type_: str = "invalid_request_error", **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": type_, "message": message, **more}}


def missing(kind: str, reference: str, param: str = "id") -> RefusedError:
    """Return the refusal of a reference that the account does not have."""
    return RefusedError(404, f"No such {kind}: '{reference}'", code="resource_missing", param=param)
