"""What staff see of one job."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Q
from django.utils.html import format_html, format_html_join

from accounts.models import AuditEntry, DeliveryAttempt, WebhookDelivery
from accounts.staff import cells
from accounts.staff.links import link_to, link_to_actor, link_to_id
from accounts.staff.sections import Facts, Table
from billing import ledger
from billing.models import LedgerEntry
from tryon import uploads
from tryon.models import Job, Upload
from tryon.staff.timeline import timeline
from zupertry.core import storage

MOST = 50
"""How many rows a table on the page has at most."""


def job_sections(job: Job) -> Iterator[Facts | Table]:
    """Yield everything there is to know about a job."""
    entries = ledger.of_job(job.id)
    deliveries = list(
        WebhookDelivery.objects.filter(event__reference=job.id).select_related("event").order_by("pk")[:MOST]
    )
    yield _facts(job)
    if job.error_code:
        yield _error(job)
    yield _timeline(job, entries, deliveries)
    yield _request(job)
    yield _ledger(entries)
    yield _deliveries(deliveries)
    yield _audit(job)


def _facts(job: Job) -> Facts:
    live = job.credits_consumed is None
    pairs: list[tuple[str, Any]] = [
        ("Id", cells.code(job.id)),
        ("Status", cells.state(job.status)),
        ("Mode", cells.state(job.mode)),
        ("Organisation", link_to(job.organisation)),
        ("Workspace", link_to(job.workspace)),
        ("Submitted", cells.utc(job.created_at)),
        ("Submitted by", link_to_actor(job.actor)),
        ("Ended", cells.utc(job.completed_at)),
        ("Duration", cells.milliseconds(job.duration_ms)),
        ("Attempts", job.attempt),
        ("Credits consumed", "not known yet" if live else job.credits_consumed),
        ("Engine request id", cells.code(job.engine_request_id)),
    ]
    if job.lease_expires_at:
        pairs.append(("The attempt's lease ends", cells.until(job.lease_expires_at)))
    if job.rerun_of_id:
        pairs.append(("Run again from", link_to_id(job.rerun_of_id)))
    if reruns := list(job.reruns.order_by("pk").values_list("pk", flat=True)[:MOST]):
        pairs.append(("Run again as", format_html_join(", ", "{}", ((link_to_id(again),) for again in reruns))))
    return Facts("Job", pairs)


def _error(job: Job) -> Facts:
    pairs = [
        ("Code", cells.code(job.error_code)),
        ("What the customer is told", job.error_message),
        ("Raw error", cells.raw(job.error_detail)),
    ]
    return Facts("Error", pairs)


def _timeline(job: Job, entries: Sequence[LedgerEntry], deliveries: Sequence[WebhookDelivery]) -> Table:
    attempts = DeliveryAttempt.objects.filter(delivery__in=deliveries).defer("response_body").order_by("-pk")[:MOST]
    moments = timeline(job, entries, list(attempts) if deliveries else [])
    rows = [(cells.utc(each.at, exact=True), each.what, each.detail) for each in moments]
    return Table("Timeline", ["When", "What", "More"], rows)


def _request(job: Job) -> Facts:
    kept = uploads.of_job(job)
    pairs = [
        ("Model image", _picture(job, job.model_image_url, kept)),
        ("Garment image", _picture(job, job.garment_image_url, kept)),
        ("Webhook URL", cells.url(job.webhook_url)),
        ("Client reference", cells.code(job.client_reference_id)),
        ("Metadata", cells.as_json(job.metadata)),
        ("Request id", cells.code(job.request_id)),
        ("Idempotency key", cells.code(job.idempotency_key)),
    ]
    return Facts("Request", pairs)


def _picture(job: Job, url: str, kept: dict[str, Upload]) -> str:
    """Return where a picture came from: a customer's URL as text, and never a link of ours, which lets people in."""
    if url in kept:
        return format_html("uploaded: {}", link_to(kept[url]))
    if storage.named_by(url, at=job.created_at):
        return "a picture in our storage"
    return cells.url(url)


def _ledger(entries: Sequence[LedgerEntry]) -> Table:
    rows = [
        (
            cells.utc(entry.created_at),
            link_to_id(entry.id),
            entry.kind,
            f"{entry.available_delta:+}",
            f"{entry.reserved_delta:+}",
            link_to_actor(entry.actor),
        )
        for entry in entries
    ]
    return Table(
        "Ledger", ["When", "Entry", "Kind", "Available", "Reserved", "By"], rows, nothing="No credit was touched."
    )


def _deliveries(deliveries: Sequence[WebhookDelivery]) -> Table:
    rows = [
        (
            link_to_id(each.id),
            link_to_id(each.event_id),
            each.event.type,
            cells.state(each.status),
            each.attempt,
            cells.utc(each.next_attempt_at),
            cells.url(each.target),
        )
        for each in deliveries
    ]
    columns = ["Delivery", "Event", "Type", "Status", "Attempts", "Next attempt", "To"]
    return Table("Webhooks", columns, rows, nothing="None was sent.")


def _audit(job: Job) -> Table:
    about = Q(subject=job.id) | Q(subject=job.rerun_of_id) if job.rerun_of_id else Q(subject=job.id)
    rows = [
        (cells.utc(entry.created_at), entry.action, link_to_actor(entry.actor), entry.reason or cells.NOTHING)
        for entry in AuditEntry.objects.filter(about).order_by("-pk")[:MOST]
    ]
    return Table("Audit log", ["When", "What", "By", "Reason"], rows, nothing="Nobody has intervened.")


def upload_facts(upload: Upload) -> Facts:
    """Return what is known of an upload."""
    pairs = [
        ("Organisation", link_to(upload.organisation)),
        ("Uploaded", cells.utc(upload.created_at)),
        ("Uploaded by", link_to_actor(upload.actor)),
        ("Size", f"{upload.size:,} bytes"),
    ]
    return Facts("Upload", pairs)
