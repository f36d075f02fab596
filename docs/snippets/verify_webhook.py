"""Verifies Zupertry's webhooks. Python 3.9 or newer; nothing to install."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

TOLERANCE_SECONDS = 300


def verify_webhook(body: bytes, headers: Mapping[str, str], secret: str) -> Any:
    """Return the event, or raise ValueError if Zupertry did not send it just now.

    body: the bytes as they came in, before any JSON parser saw them. headers: your framework's mapping, which
    finds names in any case. secret: the whole "whsec_…".
    """
    id_, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        raise ValueError("The webhook is unsigned, or too old")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{id_}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    # While a secret is rotated there are two signatures, and one of them fits.
    signatures = headers.get("webhook-signature", "").encode().split(b" ")
    if not any(hmac.compare_digest(expected, signature) for signature in signatures):
        raise ValueError("The webhook's signature does not fit")
    return json.loads(body)


def verify_signature(body: bytes, signature: str, secret: str) -> bool:
    """Say whether X-Zupertry-Signature, the simpler header, fits the body. It does not tell a replay."""
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())
