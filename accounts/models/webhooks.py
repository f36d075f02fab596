"""What organisations are told, where, and what came of it."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.organisations import Organisation
from zupertry.core.ids import IdField, Record


class WebhookEndpoint(models.Model):
    """Where an organisation is told of its jobs, and the sealed secrets that sign what it is told."""

    organisation = models.OneToOneField(Organisation, models.PROTECT, primary_key=True, related_name="webhook_endpoint")
    url = models.CharField(max_length=2048, blank=True)
    sealed_secret = models.TextField()
    sealed_previous_secret = models.TextField(blank=True)
    rotated_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.url or "no webhook URL"


class WebhookEvent(Record):
    """Something an organisation is told. `reference` is the id of what it is about, `request_id` whose doing it was.

    `payload` is the body without links: `output_name` is a name in storage, and each attempt signs its own link.
    """

    id = IdField("evt")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="webhook_events", db_index=False)
    type = models.CharField(max_length=50)
    reference = models.CharField(max_length=40, db_index=True)
    request_id = models.CharField(max_length=64, blank=True, db_default="")
    payload = models.JSONField()
    output_name = models.CharField(max_length=200, blank=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta(Record.Meta):
        indexes = [
            models.Index(fields=["organisation", "-id"], name="event_listing"),
            models.Index(fields=["type", "-id"], name="event_by_type", condition=~models.Q(type="job.completed")),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.reference}"


class WebhookDelivery(Record):
    """An event on its way to one URL. `target` is scheme, host and port, which share a limit of what is in flight.

    A replay begins the retry schedule anew, after `attempts_before_replay` attempts.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        RETRYING = "retrying"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = IdField("whd")
    event = models.ForeignKey(WebhookEvent, models.PROTECT, related_name="deliveries")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", db_index=False)
    url = models.CharField(max_length=2048)
    target = models.CharField(max_length=300)
    status = models.CharField(max_length=9, choices=Status, default=Status.PENDING)
    attempt = models.PositiveSmallIntegerField(default=0)
    attempts_before_replay = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now)
    lease_expires_at = models.DateTimeField(null=True)

    class Meta(Record.Meta):
        verbose_name_plural = "webhook deliveries"
        permissions = [
            ("replay_webhookdelivery", "Can send webhooks again"),
            ("stop_webhookdelivery", "Can stop webhooks that are being retried"),
        ]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="delivery_listing"),
            models.Index(fields=["organisation", "status", "-id"], name="delivery_by_status"),
            models.Index(fields=["status", "-id"], name="delivery_undelivered", condition=~Q(status="delivered")),
            models.Index(fields=["next_attempt_at"], name="delivery_due", condition=Q(next_attempt_at__isnull=False)),
            models.Index(
                fields=["organisation", "target", "next_attempt_at"],
                name="delivery_in_flight",
                condition=Q(next_attempt_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.target}"


class DeliveryAttempt(models.Model):
    """One try to deliver: what was answered, how long it took, and why it did not pass."""

    delivery = models.ForeignKey(WebhookDelivery, models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    response_status = models.PositiveSmallIntegerField(null=True)
    response_body = models.TextField(blank=True)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_once")]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.delivery_id}"

    @property
    def outcome(self) -> str:
        """What came of it, as part of a sentence: `answered 503`, `the server refused the connection`."""
        if self.response_status:
            return f"answered {self.response_status}"
        return f"{self.error[:1].lower()}{self.error[1:]}".removesuffix(".")
