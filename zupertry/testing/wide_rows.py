"""A row in every table of staff's that one organisation fills, with values as long as real ones are."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import (
    ApiKey,
    AuditEntry,
    Invitation,
    Mail,
    Mode,
    Organisation,
    Role,
    WebhookDelivery,
    WebhookEvent,
)
from billing.models import (
    AutoReload,
    BillingDetails,
    CreditPack,
    Discrepancy,
    GatewayEvent,
    Invoice,
    LedgerEntry,
    Payment,
    PaymentMethod,
    Reversal,
)
from tryon.models import Job, Upload
from zupertry.core import ids

INTENT = "pi_" + 12 * "3W"
REASON = "Asked for by the customer in ticket 4711, agreed with their account manager"


def make(organisation: Organisation) -> None:
    """Insert the rows. Amounts stand in the ledger's listing alone, and not in the balance."""
    actor, job = f"user:{ids.new('usr')}", ids.new("job")
    _people(organisation, actor, job)
    _work(organisation, actor, job)
    _ledger(organisation, actor, job)
    _payment(organisation, actor)
    _buyer(organisation)


def _people(organisation: Organisation, actor: str, job: str) -> None:
    now = timezone.now()
    later = now + timedelta(hours=3)
    AuditEntry.objects.create(
        organisation=organisation, actor=actor, action="webhook.rotation_finished", subject=job, reason=REASON
    )
    Mail.objects.create(
        organisation=organisation,
        kind="auto_reload_authentication",
        reference=ids.new("pay"),
        address="accounting.department@walker-fashion.example",
        attempts=3,
        next_attempt_at=later,
        sent_at=now,
    )
    Invitation.objects.create(
        organisation=organisation,
        email="accounting.department@walker-fashion.example",
        role=Role.DEVELOPER,
        digest=b"0" * 32,
        sent_at=now,
        expires_at=later,
        revoked_at=now,
    )
    ApiKey.objects.filter(organisation=organisation).update(last_used_at=now, name="Shop, production, Frankfurt")


def _work(organisation: Organisation, actor: str, job: str) -> None:
    now = timezone.now()
    event = WebhookEvent.objects.create(
        organisation=organisation, type="job.completed", reference=job, payload={}, withdrawn_at=now
    )
    WebhookDelivery.objects.create(
        event=event,
        organisation=organisation,
        url="https://hooks.walker-fashion.example/zupertry",
        target="https://hooks.walker-fashion.example:443",
        status=WebhookDelivery.Status.RETRYING,
        attempt=4,
        next_attempt_at=now + timedelta(hours=3),
    )
    Job.objects.create(
        organisation=organisation,
        workspace=organisation.workspaces.all()[0],
        mode=Mode.LIVE,
        status=Job.Status.FAILED,
        error_code="image_type_unsupported",
        attempt=2,
        actor=actor,
        woken_at=now,
        created_at=now,
    )
    Upload.objects.create(organisation=organisation, actor=actor, name="uploads/a.jpg", size=1_234_567)


def _ledger(organisation: Organisation, actor: str, job: str) -> None:
    LedgerEntry.objects.create(
        account_id=organisation.pk,
        kind=LedgerEntry.Kind.HOLD,
        available_delta=-1,
        reserved_delta=1,
        reference=job,
        actor=actor,
        note="For the outage of last week, as agreed",
    )


def _payment(organisation: Organisation, actor: str) -> None:
    now = timezone.now()
    payment = Payment.objects.create(
        organisation=organisation,
        pack=CreditPack.objects.filter(currency="EUR")[0],
        status=Payment.Status.FAILED,
        gateway="stripe",
        actor=actor,
        credits=10_000,
        currency="EUR",
        net_minor=1_234_567,
        idempotency_key=ids.new("pay"),
        gateway_reference=INTENT,
        failure="Your card has insufficient funds.",
    )
    Invoice.objects.create(
        organisation=organisation,
        payment=payment,
        number="ZUP/26-27/000123",
        url="https://invoices.example/1",
        pdf_url="https://invoices.example/1.pdf",
    )
    Reversal.objects.create(
        payment=payment, kind="refund", reference=f"re_{INTENT}", amount_minor=1_234_567, credits=10_000, undone_at=now
    )
    GatewayEvent.objects.create(
        gateway="stripe",
        reference="evt_" + 12 * "3W",
        type="customer.subscription.pending_update_applied",
        payload={},
        attempts=2,
        processed_at=now,
        next_attempt_at=now,
        error="The payment is of another account.",
    )
    Discrepancy.objects.create(
        gateway="stripe",
        kind="unknown_payment",
        reference=INTENT,
        payment=payment,
        details="The gateway has 1,234.56 EUR, and no payment here knows of it.",
        resolved_at=now,
        closed_by=f"staff:{ids.new('usr')}",
    )


def _buyer(organisation: Organisation) -> None:
    now = timezone.now()
    AutoReload.objects.create(
        organisation=organisation,
        threshold=10,
        pack=CreditPack.objects.filter(currency="EUR")[0],
        monthly_cap_minor=100_000,
        failures_in_a_row=3,
        claimed_at=now,
        switched_off_because="The card was declined three times in a row: Your card has insufficient funds.",
    )
    BillingDetails.objects.create(
        organisation=organisation,
        legal_name="Walker Fashion & Daughters Europe GmbH",
        email="accounting.department@walker-fashion.example",
        address="Unter den Linden 1",
        city="Berlin",
        postal_code="10117",
        country="DE",
        tax_id="DE123456789012",
    )
    PaymentMethod.objects.create(
        organisation=organisation,
        gateway="stripe",
        reference="pm_1QK2b1SAmPlE0fStRiPe9hXq",
        kind="card",
        brand="mastercard",
        last_four="4444",
        expires_on=now.date(),
    )
