"""The audit log: who changed what."""

from typing import Any

from accounts.models import AuditEntry, Organisation


def record(organisation: Organisation, actor: str, action: str, subject: str, **details: Any) -> None:
    """Write down a change, in the caller's transaction. `details` hold no secrets and no personal data."""
    AuditEntry.objects.create(organisation=organisation, actor=actor, action=action, subject=subject, details=details)
