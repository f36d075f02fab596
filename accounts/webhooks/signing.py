"""How outgoing webhooks are signed, and with which secrets.

Two signatures: `X-Zupertry-Signature`, a hex HMAC-SHA256 of the body keyed by the secret as it is shown, and the three
headers of Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from standardwebhooks import Webhook

from accounts.models import WebhookEndpoint
from zupertry.core.crypto import unseal

PREFIX = "whsec_"
SECRET_BYTES = 32
ROTATION_OVERLAP = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class SigningSecrets:
    """The secret that signs and, while a rotation lasts, the one it replaces."""

    current: str
    previous: str = ""

    @property
    def oldest(self) -> str:
        """The secret that a receiver knows for certain."""
        return self.previous or self.current


def generate_secret() -> str:
    """Return a new secret: `whsec_` and 32 random bytes in padded standard base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def secrets_of(endpoint: WebhookEndpoint) -> SigningSecrets:
    """Return the secrets in force now. The previous one ends 24 h after the rotation at the latest."""
    rotating = endpoint.rotated_at is not None and timezone.now() < endpoint.rotated_at + ROTATION_OVERLAP
    previous = unseal(endpoint.sealed_previous_secret) if rotating and endpoint.sealed_previous_secret else ""
    return SigningSecrets(unseal(endpoint.sealed_secret), previous)


def headers(body: bytes, event_id: str, moment: datetime, keys: SigningSecrets) -> dict[str, str]:
    """Return the headers that sign `body`, as sent at `moment`."""
    in_force = filter(None, (keys.current, keys.previous))
    signatures = [Webhook(secret).sign(event_id, moment, body.decode()) for secret in in_force]
    return {
        "X-Zupertry-Signature": hmac.new(keys.oldest.encode(), body, hashlib.sha256).hexdigest(),
        "webhook-id": event_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
