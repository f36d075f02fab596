"""What goes of an organisation that is deleted: its pictures, and everything personal in its rows.

The rows themselves stay, and so do ledger, payments and invoices with the buyer that they were made out to: books have
to be kept (in India 8 years, in the EU up to 10). docs/data.md says it field by field.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from accounts.models import (
    ApiKey,
    AuditEntry,
    DeliveryAttempt,
    Invitation,
    Mail,
    Organisation,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    Workspace,
)
from billing import gateway_events, methods
from billing.models import BillingDetails, Payment, PaymentMethod
from tryon import jobs, retention, uploads
from tryon.models import Job
from zupertry.core.errors import Refusal

NAME = "Deleted organisation"
BATCH = 1_000
KEPT_BUYERS = (Payment.Status.PAID, Payment.Status.QUARANTINED, Payment.Status.REFUSED)
UNFINISHED = (Job.Status.PENDING, Job.Status.PROCESSING)


@dataclass(frozen=True, slots=True)
class Blank:
    """What takes the place of personal data in one table; `of` leads from a row to its organisation."""

    model: type[Model]
    values: dict[str, Any]
    of: str = "organisation"


BLANKS = [
    Blank(
        Job,
        {
            "model_image_url": "",
            "garment_image_url": "",
            "webhook_url": "",
            "client_reference_id": None,
            "metadata": {},
            "idempotency_key": None,
            "idempotency_digest": None,
            "request_id": "",
            "error_message": "",
            "error_detail": "",
        },
    ),
    Blank(DeliveryAttempt, {"response_body": "", "error": ""}, of="delivery__organisation"),
    Blank(WebhookDelivery, {"url": "", "target": ""}),
    Blank(WebhookEvent, {"payload": {}, "output_name": "", "request_id": ""}),
    Blank(WebhookEndpoint, {"url": "", "sealed_secret": "", "sealed_previous_secret": "", "rotated_at": None}),
    Blank(ApiKey, {"name": ""}),
    Blank(Workspace, {"name": "", "status": Workspace.Status.ARCHIVED}),
    Blank(AuditEntry, {"details": {}, "reason": ""}),
    Blank(Mail, {"address": "", "context": {}, "sealed_secrets": "", "next_attempt_at": None}),
    Blank(Payment, {"checkout_url": "", "failure": ""}),
    Blank(PaymentMethod, {"brand": "", "last_four": "", "expires_on": None}),
]


def stop_work(organisation_id: str) -> None:
    """Cancel the jobs that have not begun, whose credits come back, and send no more webhooks and mails."""
    pending = Job.objects.filter(organisation_id=organisation_id, status=Job.Status.PENDING).order_by("pk")
    while batch := list(pending[:BATCH]):  # each is cancelled, or has just begun: either way it is pending no more
        for job in batch:
            _cancel(job)
    open_ = WebhookDelivery.objects.filter(organisation_id=organisation_id, next_attempt_at__isnull=False)
    free = open_.filter(Q(lease_expires_at=None) | Q(lease_expires_at__lte=timezone.now()))
    free.update(status=WebhookDelivery.Status.FAILED, next_attempt_at=None, lease_expires_at=None)


def _cancel(job: Job) -> None:
    try:
        jobs.cancel(job, actor="system")
    except Refusal:  # a worker was faster, and the job is awaited
        return


def is_quiet(organisation_id: str) -> bool:
    """Say whether nothing is under way any more that would write: no job, no delivery, no payment."""
    unfinished = Job.objects.filter(organisation_id=organisation_id, status__in=UNFINISHED)
    in_flight = WebhookDelivery.objects.filter(organisation_id=organisation_id, next_attempt_at__isnull=False)
    undecided = Payment.objects.filter(organisation_id=organisation_id, status__in=Payment.UNDECIDED)
    return not (unfinished.exists() or in_flight.exists() or undecided.exists())


def erase(organisation_id: str) -> bool:
    """Delete pictures and kept payment methods, then blank the rows. False: storage kept some pictures.

    Storage and gateways are asked outside transactions. Raises `Refusal` when a gateway keeps a method.
    """
    pictures = retention.delete_all_of(organisation_id)
    if not (uploads.delete_all_of(organisation_id) and pictures):
        return False
    _forget_methods(organisation_id)
    for payment_ids in _batches(Payment.objects.filter(organisation_id=organisation_id)):
        _blank_gateway_events(payment_ids)
    for blank in BLANKS:
        for pks in _batches(blank.model._default_manager.filter(**{blank.of: organisation_id})):
            blank.model._default_manager.filter(pk__in=pks).update(**blank.values)
    _blank_the_rest(organisation_id)
    return True


def _forget_methods(organisation_id: str) -> None:
    organisation = Organisation(pk=organisation_id)
    for method in methods.active(organisation):
        methods.remove(organisation, method.id, actor="system")


def _blank_gateway_events(payment_ids: list[Any]) -> None:
    """Forget what gateways told of these payments: it names the buyer. The payments have what counts."""
    own = Payment.objects.filter(pk__in=payment_ids)
    named = {
        "payment_id": payment_ids,
        "checkout_reference": list(own.exclude(checkout_reference="").values_list("checkout_reference", flat=True)),
        "gateway_reference": list(own.exclude(gateway_reference="").values_list("gateway_reference", flat=True)),
    }
    for field, values in named.items():
        about = gateway_events.by_subject().filter(**{f"its_{field}__in": values})
        about.update(payload={}, error="")


@transaction.atomic
def _blank_the_rest(organisation_id: str) -> None:
    """Blank what is few rows: unpaid purchases' buyers, billing details, staff's log, late invitations."""
    unpaid = Payment.objects.filter(organisation_id=organisation_id).exclude(status__in=KEPT_BUYERS)
    unpaid.update(buyer={})
    BillingDetails.objects.filter(organisation_id=organisation_id).delete()
    Invitation.objects.filter(organisation_id=organisation_id).delete()
    LogEntry.objects.filter(object_id=organisation_id).update(object_repr="", change_message="")


def _batches(rows: "QuerySet[Any]") -> Iterator[list[Any]]:
    """Yield the keys of all these rows, so many at a time, in the order of the keys."""
    last = None
    while True:
        left = rows.filter(pk__gt=last) if last is not None else rows
        pks = list(left.order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not pks:
            return
        yield pks
        last = pks[-1]
