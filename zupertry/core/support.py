"""The address that customers write to: `SUPPORT_EMAIL`, where it is set."""

from django.conf import settings


def at_support() -> str:
    """Return what follows “write to us”: ` at help@example.com`, or nothing where no address is set."""
    return f" at {settings.SUPPORT_EMAIL}" if settings.SUPPORT_EMAIL else ""
