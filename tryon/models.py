"""A job: two pictures in, a picture out. An upload: a picture for jobs."""

from django.db import models
from django.db.models import Q

from accounts.models import Mode, Organisation, WebhookDelivery, Workspace
from zupertry.core.ids import IdField, Record


class Job(Record):
    """One try-on. `jobs.py` is the only writer of `status`."""

    class Status(models.TextChoices):
        PENDING = "pending"
        PROCESSING = "processing"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELLED = "cancelled"
        REFUNDED = "refunded"

    id = IdField("job")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="jobs", db_index=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="jobs", db_index=False)
    mode = models.CharField(max_length=4, choices=Mode)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    actor = models.CharField(max_length=60)
    request_id = models.CharField(max_length=64, blank=True)
    rerun_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="reruns", db_index=False)

    model_image_url = models.CharField(max_length=2048)
    garment_image_url = models.CharField(max_length=2048)
    webhook_url = models.CharField(max_length=2048, blank=True)
    client_reference_id = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001  (null: not given)
    metadata = models.JSONField(default=dict)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001  (null: not given)
    idempotency_digest = models.BinaryField(max_length=32, null=True)

    attempt = models.PositiveSmallIntegerField(default=0)
    handed_back = models.PositiveSmallIntegerField(default=0)
    woken_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)

    delivery = models.ForeignKey(WebhookDelivery, models.PROTECT, null=True, related_name="+", db_index=False)
    engine_request_id = models.CharField(max_length=200, blank=True)
    credits_consumed = models.PositiveSmallIntegerField(null=True)
    error_code = models.CharField(max_length=30, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    error_detail = models.TextField(blank=True)

    person_name = models.CharField(max_length=200, blank=True)
    garment_name = models.CharField(max_length=200, blank=True)
    output_name = models.CharField(max_length=200, blank=True)
    inputs_expire_at = models.DateTimeField(null=True)
    output_expires_at = models.DateTimeField(null=True)
    pictures_deleted_at = models.DateTimeField(null=True)

    class Meta(Record.Meta):
        permissions = [
            ("rerun_job", "Can run jobs again"),
            ("cancel_job", "Can cancel pending jobs"),
            ("fail_job", "Can fail jobs that are processing"),
            ("refund_job", "Can refund completed jobs"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["idempotency_key", "organisation", "mode"],
                name="job_idempotency_once",
                condition=Q(idempotency_key__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="job_listing"),
            models.Index(fields=["organisation", "mode", "-id"], name="job_listing_mode"),
            models.Index(fields=["organisation", "status", "-id"], name="job_listing_status"),
            models.Index(fields=["workspace", "-id"], name="job_listing_workspace"),
            # Customers and staff, who know no organisation, look for a reference in the same index.
            models.Index(
                fields=["client_reference_id", "organisation", "-id"],
                name="job_by_reference",
                condition=Q(client_reference_id__isnull=False),
            ),
            models.Index(fields=["woken_at"], name="job_pending", condition=Q(status="pending")),
            models.Index(fields=["lease_expires_at"], name="job_leased", condition=Q(status="processing")),
            models.Index(fields=["inputs_expire_at"], name="job_inputs", condition=~Q(person_name="")),
            models.Index(fields=["output_expires_at"], name="job_output", condition=~Q(output_name="")),
            models.Index(fields=["id"], name="job_idempotent", condition=Q(idempotency_key__isnull=False)),
            # For staff. Most jobs are live and end completed: these are found fast enough without.
            models.Index(fields=["status", "-id"], name="job_by_status", condition=~Q(status="completed")),
            models.Index(fields=["-id"], name="job_in_test", condition=Q(mode="test")),
            models.Index(fields=["error_code", "-id"], name="job_by_error", condition=~Q(error_code="")),
            models.Index(fields=["request_id"], name="job_by_request", condition=~Q(request_id="")),
            models.Index(
                fields=["engine_request_id"], name="job_by_engine_request", condition=~Q(engine_request_id="")
            ),
            models.Index(fields=["rerun_of"], name="job_by_rerun", condition=Q(rerun_of__isnull=False)),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Upload(Record):
    """A picture that a person gave in the dashboard. `name` is that of the file in storage, `size` its bytes."""

    id = IdField("upl")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="uploads")
    actor = models.CharField(max_length=60)
    name = models.CharField(max_length=200, unique=True)
    size = models.PositiveIntegerField()

    def __str__(self) -> str:
        return str(self.id)
