"""Who is calling: the organisation whose API key the request carries."""

from typing import cast

import structlog
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts import api_keys
from accounts.models import ApiKey, Organisation
from zupertry.core.errors import Refusal

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Zupertry"'}


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer zt_…`. Makes `request.user` the organisation and `request.auth` the key."""

    def authenticate(self, request: Request) -> tuple[Organisation, ApiKey]:
        """Return organisation and key. Raises `Refusal` with status 401 unless the key is active."""
        key = _active(_bearer_token(request))
        structlog.contextvars.bind_contextvars(org=key.organisation_id, actor=f"key:{key.id}", key=str(key))
        api_keys.note_use(key)
        return key.organisation, key

    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 asks for."""
        return CHALLENGE["WWW-Authenticate"]


def key_of(request: Request) -> ApiKey:
    """Return the key that an authenticated request carries."""
    return cast("ApiKey", request.auth)


def _bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _refusal("unauthorized", "Send your API key: Authorization: Bearer zt_live_sk_… or zt_test_sk_…")
    return token.strip()


def _active(token: str) -> ApiKey:
    key = api_keys.find(token)
    if key is None:
        raise _refusal("invalid_api_key", "There is no such API key. Check that it was copied whole.")
    if key.status == ApiKey.Status.REVOKED:
        raise _refusal("api_key_revoked", "This API key has been revoked. Use another one.")
    if key.status == ApiKey.Status.DISABLED:
        raise _refusal(
            "api_key_disabled", "This API key is switched off. Switch it on in the dashboard, or use another."
        )
    return key


def _refusal(code: str, message: str) -> Refusal:
    return Refusal(code, message, headers=CHALLENGE)
