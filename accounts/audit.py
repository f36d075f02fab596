"""The audit log: who changed what."""

from typing import Any

from accounts.models import AuditEntry, Organisation


def record(
    organisation: Organisation | None, actor: str, action: str, subject: str, reason: str = "", **details: Any
) -> None:
    """Write down a change, in the caller's transaction. `details` hold no secrets and no personal data.

    `organisation` is None for what staff change of the service as a whole. `reason` is for staff alone.
    """
    AuditEntry.objects.create(
        organisation=organisation, actor=actor, action=action, subject=subject, reason=reason, details=details
    )
