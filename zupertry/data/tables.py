"""What the export of an organisation holds of each table, and what it leaves out. A test holds this to the models."""

from dataclasses import dataclass, field

from django.db.models import Model

from accounts import models as accounts
from billing import models as billing
from tryon import models as tryon


@dataclass(frozen=True, slots=True)
class Table:
    """One list of the document. `of` leads from a row to its organisation; `joined` are fields of other tables.

    `through` is the table that the rows are of, by their field `batch_by`: those that have no index by organisation.
    """

    name: str
    model: type[Model]
    fields: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    joined: dict[str, str] = field(default_factory=dict)
    of: str = "organisation"
    through: type[Model] | None = None
    batch_by: str = "pk"


NOT_EXPORTED: dict[type[Model], str] = {
    accounts.User: "its own people are under members, without what they log in with",
    accounts.Mail: "mails that were sent, made of what is here",
    billing.Plan: "the same for every organisation",
    billing.CreditPack: "the same for every organisation",
    billing.GatewayCustomer: "a gateway's reference, which works for us alone",
    billing.GatewayEvent: "what gateways tell us; what came of it is under payments",
    billing.InvoiceSequence: "the same for every organisation",
    billing.Discrepancy: "our checks of the gateways",
}
"""The tables that have no list in the document, and why."""

OWN = [
    Table(
        "organisation",
        accounts.Organisation,
        (
            *("id", "created_at", "name", "region", "country", "plan", "rate_limit_per_minute", "suspended_at"),
            *("deletion_due_at", "closed_at", "deleted_at"),
        ),
        of="pk",
    ),
    Table(
        "members",
        accounts.Membership,
        ("user_id", "role"),
        left_out=("id", "organisation_id"),
        joined={"email": "user__email", "name": "user__name"},
    ),
    Table(
        "invitations",
        accounts.Invitation,
        ("id", "created_at", "email", "role", "sent_at", "expires_at", "accepted_at", "revoked_at"),
        left_out=("organisation_id", "digest"),
    ),
    Table(
        "workspaces",
        accounts.Workspace,
        ("id", "created_at", "name", "status"),
        left_out=("organisation_id",),
    ),
    Table(
        "api_keys",
        accounts.ApiKey,
        ("id", "created_at", "mode", "name", "last_four", "status", "last_used_at"),
        left_out=("organisation_id", "digest"),
    ),
    Table(
        "webhook_endpoint",
        accounts.WebhookEndpoint,
        ("url", "rotated_at"),
        left_out=("organisation_id", "sealed_secret", "sealed_previous_secret"),
    ),
    Table(
        "audit_log",
        accounts.AuditEntry,
        ("id", "created_at", "actor", "action", "subject", "details"),
        left_out=("organisation_id", "reason"),
    ),
]
WORK = [
    Table(
        "jobs",
        tryon.Job,
        (
            *("id", "created_at", "workspace_id", "mode", "status", "actor", "request_id"),
            *("model_image_url", "garment_image_url", "webhook_url", "client_reference_id", "metadata"),
            *("attempt", "started_at", "completed_at", "duration_ms", "delivery_id"),
            *("credits_consumed", "error_code", "error_message"),
            *("inputs_expire_at", "output_expires_at", "pictures_deleted_at"),
        ),
        left_out=(
            *("organisation_id", "idempotency_key", "idempotency_digest", "handed_back", "woken_at"),
            *("lease_expires_at", "engine_request_id", "error_detail", "person_name", "garment_name", "output_name"),
            "rerun_of_id",
        ),
    ),
    Table(
        "uploads",
        tryon.Upload,
        ("id", "created_at", "actor", "size"),
        left_out=("organisation_id", "name"),
    ),
    Table(
        "webhook_events",
        accounts.WebhookEvent,
        ("id", "created_at", "type", "reference", "request_id", "payload", "withdrawn_at"),
        left_out=("organisation_id", "output_name"),
    ),
    Table(
        "webhook_deliveries",
        accounts.WebhookDelivery,
        ("id", "created_at", "event_id", "url", "status", "attempt", "next_attempt_at"),
        left_out=("organisation_id", "target", "attempts_before_replay", "lease_expires_at"),
    ),
    Table(
        "delivery_attempts",
        accounts.DeliveryAttempt,
        ("delivery_id", "number", "started_at", "duration_ms", "response_status", "response_body", "error"),
        left_out=("id",),
        through=accounts.WebhookDelivery,
        batch_by="delivery",
    ),
]
MONEY = [
    Table(
        "credits",
        billing.CreditAccount,
        ("available", "reserved", "low_balance_at"),
        left_out=("organisation_id", "low_balance_told_at"),
    ),
    Table(
        "ledger",
        billing.LedgerEntry,
        ("id", "created_at", "kind", "available_delta", "reserved_delta", "reference", "actor", "note"),
        left_out=("account_id",),
        of="account",
    ),
    Table(
        "auto_reload",
        billing.AutoReload,
        ("enabled", "threshold", "pack_id", "monthly_cap_minor", "failures_in_a_row", "switched_off_because"),
        left_out=("organisation_id", "attempts", "claimed_at"),
    ),
    Table(
        "billing_details",
        billing.BillingDetails,
        ("legal_name", "email", "phone", "address", "city", "postal_code", "state", "country", "tax_id"),
        left_out=("organisation_id",),
    ),
    Table(
        "payment_methods",
        billing.PaymentMethod,
        (
            *("id", "created_at", "gateway", "status", "kind", "brand", "last_four", "expires_on"),
            *("most_minor", "is_default"),
        ),
        left_out=("organisation_id", "reference", "expiry_told_at"),
    ),
    Table(
        "payments",
        billing.Payment,
        (
            *("id", "created_at", "pack_id", "purpose", "status", "gateway", "actor", "credits", "currency"),
            *("net_minor", "tax_minor", "buyer", "keep_method", "method_id", "gateway_reference"),
            *("failure", "expected_at", "settled_at"),
        ),
        left_out=(
            *("organisation_id", "idempotency_key", "checkout_reference", "checkout_url"),
            *("needs_authentication", "next_check_at"),
        ),
    ),
    Table(
        "reversals",
        billing.Reversal,
        ("id", "created_at", "payment_id", "kind", "reference", "amount_minor", "credits", "undone_at"),
        through=billing.Payment,
        batch_by="payment",
    ),
    Table(
        "invoices",
        billing.Invoice,
        (
            *("id", "created_at", "payment_id", "number", "url", "pdf_url", "seller", "buyer", "sac"),
            *("place_of_supply", "cgst_minor", "sgst_minor", "igst_minor"),
        ),
        left_out=("organisation_id",),
    ),
]
TABLES = [*OWN, *WORK, *MONEY]
"""The lists of the document, in its order."""
