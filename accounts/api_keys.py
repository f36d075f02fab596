"""API keys: `zt_live_sk_` or `zt_test_sk_`, 43 characters of base62 that hold 256 random bits, and 6 of checksum.

The checksum (CRC-32, as GitHub's tokens have it) refuses a mistyped key without asking the database.
"""

import hashlib
import re
import secrets
import zlib
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit
from accounts.models import MAX_API_KEYS, ApiKey, Mode, Organisation
from accounts.organisations import lock
from zupertry.core.errors import Refusal

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_LENGTH = 43
CHECKSUM_LENGTH = 6
FORM = re.compile(rf"zt_(live|test)_sk_[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}")
LAST_USED_RESOLUTION = timedelta(minutes=1)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def generate(mode: Mode) -> str:
    """Return the text of a new key."""
    body = f"zt_{mode.value}_sk_{_base62(secrets.randbits(256), SECRET_LENGTH)}"
    return body + _checksum(body)


def is_well_formed(key: str) -> bool:
    """Say whether this can be a key at all: the right form, and a checksum that fits."""
    return FORM.fullmatch(key) is not None and _checksum(key[:-CHECKSUM_LENGTH]) == key[-CHECKSUM_LENGTH:]


@transaction.atomic
def create(organisation: Organisation, mode: Mode, name: str, *, actor: str) -> tuple[ApiKey, str]:
    """Make a key, and return it with its text, which cannot be had again.

    Raises `Refusal`: `api_key_limit_reached` when the organisation has 10 that are not revoked, `forbidden` when it was
    closed for good meanwhile.
    """
    lock(organisation)
    if Organisation.objects.filter(pk=organisation.pk, closed_at__isnull=False).exists():
        raise Refusal("forbidden", "This organisation is being deleted, and takes no new keys.")
    if organisation.api_keys.exclude(status=ApiKey.Status.REVOKED).count() >= MAX_API_KEYS:
        raise Refusal("api_key_limit_reached", f"There are {MAX_API_KEYS} keys already. Revoke one you no longer use.")
    text = generate(mode)
    key = organisation.api_keys.create(mode=mode, name=name, digest=_digest(text), last_four=text[-4:])
    audit.record(organisation, actor, "api_key.created", key.id, mode=mode.value, name=name)
    return key, text


def disable(key: ApiKey, *, actor: str) -> bool:
    """Refuse requests with this key until it is switched on again. False: it was not active, and nothing changed."""
    return _move(key, [ApiKey.Status.ACTIVE], ApiKey.Status.DISABLED, "api_key.disabled", actor)


def enable(key: ApiKey, *, actor: str) -> bool:
    """Switch a disabled key on again. False: it was not disabled, and nothing changed."""
    return _move(key, [ApiKey.Status.DISABLED], ApiKey.Status.ACTIVE, "api_key.enabled", actor)


def revoke(key: ApiKey, *, actor: str, reason: str = "") -> bool:
    """Refuse requests with this key for ever. False: it was revoked already. `reason` is staff's."""
    alive = [ApiKey.Status.ACTIVE, ApiKey.Status.DISABLED]
    return _move(key, alive, ApiKey.Status.REVOKED, "api_key.revoked", actor, reason)


@transaction.atomic
def _move(
    key: ApiKey, before: list[ApiKey.Status], after: ApiKey.Status, action: str, actor: str, reason: str = ""
) -> bool:
    moved = ApiKey.objects.filter(id=key.id, status__in=before).update(status=after)
    if moved:
        audit.record(key.organisation, actor, action, key.id, reason=reason, name=key.name)
    return bool(moved)


def find(text: str) -> ApiKey | None:
    """Return the key with its organisation and webhook endpoint, in one query; without one if it is malformed."""
    if not is_well_formed(text):
        return None
    keys = ApiKey.objects.select_related("organisation__webhook_endpoint")
    return keys.filter(digest=_digest(text)).first()


def note_use(key: ApiKey) -> None:
    """Write down that a key was used, at most once a minute."""
    now = timezone.now()
    stale = now - LAST_USED_RESOLUTION
    if key.last_used_at is None or key.last_used_at < stale:
        unwritten = Q(last_used_at__isnull=True) | Q(last_used_at__lt=stale)
        ApiKey.objects.filter(unwritten, id=key.id).update(last_used_at=now)
