"""Secrets that must be read again, sealed with `ENCRYPTION_KEYS` (Fernet: AES-128-CBC and HMAC-SHA256)."""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def seal(plain: str) -> str:
    """Encrypt with the first of `ENCRYPTION_KEYS`."""
    return _box(tuple(settings.ENCRYPTION_KEYS)).encrypt(plain.encode()).decode()


def unseal(sealed: str) -> str:
    """Decrypt with whichever key fits. Raises `cryptography.fernet.InvalidToken` when none does."""
    return _box(tuple(settings.ENCRYPTION_KEYS)).decrypt(sealed.encode()).decode()


def is_sealed_by_first(sealed: str) -> bool:
    """Say whether the first of `ENCRYPTION_KEYS` reads this, so that it needs none of the others."""
    try:
        _box((settings.ENCRYPTION_KEYS[0],)).decrypt(sealed.encode())
    except InvalidToken:
        return False
    return True


def reseal(sealed: str) -> str:
    """Return the same secret sealed with the first key. Raises `cryptography.fernet.InvalidToken` when no key fits."""
    return _box(tuple(settings.ENCRYPTION_KEYS)).rotate(sealed.encode()).decode()
