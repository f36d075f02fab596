"""What gateways told us, and where they and we do not agree."""

from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT
from django.utils import timezone

from billing.currencies import Gateway
from billing.models.payments import Payment
from zupertry.core.ids import IdField, Record


class GatewayEvent(Record):
    """What a gateway told us, kept before anything is made of it. `next_attempt_at` is null once it is processed.

    `subject` is what it is about, as references to look up anew: the fields of `gateways.base.Event`.
    """

    id = IdField("gev")
    gateway = models.CharField(max_length=8, choices=Gateway)
    reference = models.CharField(max_length=100)
    type = models.CharField(max_length=100)
    subject = models.JSONField(default=dict)
    payload = models.JSONField()
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta(Record.Meta):
        permissions = [("replay_gatewayevent", "Can process gateway events again")]
        constraints = [models.UniqueConstraint(fields=["gateway", "reference"], name="gateway_event_once")]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], name="gateway_event_due", condition=Q(next_attempt_at__isnull=False)
            ),
            models.Index(fields=["-id"], name="gateway_event_failing", condition=~Q(error="")),
            models.Index(fields=["-id"], name="gateway_event_waiting", condition=Q(processed_at=None)),
            models.Index(fields=["reference"], name="gateway_event_reference"),
            models.Index(fields=["gateway", "-id"], name="gateway_event_by_gateway"),
            models.Index(fields=["type", "-id"], name="gateway_event_by_type"),
            models.Index(KT("subject__payment_id"), name="gateway_event_payment"),
            models.Index(KT("subject__checkout_reference"), name="gateway_event_checkout"),
            models.Index(KT("subject__gateway_reference"), name="gateway_event_charge"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.reference}"


class Discrepancy(Record):
    """Something on which a gateway and we do not agree, until it is mended.

    `closed_by`: staff left it as it is, and it is not found again while it is the same.
    """

    id = IdField("dis")
    gateway = models.CharField(max_length=8, choices=Gateway)
    kind = models.CharField(max_length=40)
    reference = models.CharField(max_length=100)
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, blank=True, related_name="discrepancies")
    details = models.CharField(max_length=500)
    resolved_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=60, blank=True)

    class Meta(Record.Meta):
        verbose_name_plural = "discrepancies"
        permissions = [("resolve_discrepancy", "Can close discrepancies")]
        indexes = [
            models.Index(fields=["-id"], name="discrepancy_open", condition=Q(resolved_at=None)),
            models.Index(fields=["reference"], name="discrepancy_reference"),
            models.Index(fields=["gateway", "-id"], name="discrepancy_by_gateway"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["gateway", "kind", "reference"], condition=Q(resolved_at=None), name="discrepancy_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"
