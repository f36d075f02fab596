"""Who uses the service: people, organisations, what they own, and what was changed by whom."""

from accounts.models.api_keys import MAX_API_KEYS, ApiKey, Mode
from accounts.models.audit import AuditEntry
from accounts.models.mails import Mail
from accounts.models.organisations import (
    CURRENCIES,
    DEFAULT_RATE_LIMIT,
    MAX_WORKSPACES,
    Organisation,
    Region,
    Workspace,
)
from accounts.models.people import INVITATION_OPEN, Invitation, Membership, Role, User, UserManager
from accounts.models.webhooks import DeliveryAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent

__all__ = [
    "CURRENCIES",
    "DEFAULT_RATE_LIMIT",
    "INVITATION_OPEN",
    "MAX_API_KEYS",
    "MAX_WORKSPACES",
    "ApiKey",
    "AuditEntry",
    "DeliveryAttempt",
    "Invitation",
    "Mail",
    "Membership",
    "Mode",
    "Organisation",
    "Region",
    "Role",
    "User",
    "UserManager",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "Workspace",
]
