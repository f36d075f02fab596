"""Secrets that must be read again, sealed with `ENCRYPTION_KEYS` (Fernet: AES-128-CBC and HMAC-SHA256)."""

from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet
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
