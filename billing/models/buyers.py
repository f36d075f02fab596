"""Who buys, and with what."""

from django.db import models
from django.db.models import Q

from accounts.models import Organisation
from billing.currencies import Gateway
from zupertry.core.ids import IdField, Record


class BillingDetails(models.Model):
    """Whom invoices are for. `state` is a GST state code in India; `tax_id` a GSTIN there, a VAT number in the EU."""

    organisation = models.OneToOneField(Organisation, models.PROTECT, primary_key=True, related_name="billing_details")
    legal_name = models.CharField(max_length=200)
    email = models.EmailField()
    phone = models.CharField(max_length=20, blank=True)
    address = models.TextField(max_length=500)
    city = models.CharField(max_length=100)
    postal_code = models.CharField(max_length=20)
    state = models.CharField(max_length=50, blank=True)
    country = models.CharField(max_length=2)
    tax_id = models.CharField(max_length=20, blank=True)

    class Meta:
        verbose_name_plural = "billing details"

    def __str__(self) -> str:
        return self.legal_name


class GatewayCustomer(models.Model):
    """An organisation as a gateway knows it."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="gateway_customers")
    gateway = models.CharField(max_length=8, choices=Gateway)
    reference = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "gateway"], name="customer_once"),
            models.UniqueConstraint(fields=["gateway", "reference"], name="customer_reference_once"),
        ]

    def __str__(self) -> str:
        return self.reference


class PaymentMethod(Record):
    """A card or mandate that a buyer chose to keep: `reference` is the gateway's (`pm_…`, `token_…`)."""

    class Status(models.TextChoices):
        PENDING = "pending"
        ACTIVE = "active"
        PAUSED = "paused"
        REMOVED = "removed"

    id = IdField("pm")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="payment_methods")
    gateway = models.CharField(max_length=8, choices=Gateway)
    reference = models.CharField(max_length=100)
    status = models.CharField(max_length=7, choices=Status, default=Status.ACTIVE)
    kind = models.CharField(max_length=20)
    brand = models.CharField(max_length=50, blank=True)
    last_four = models.CharField(max_length=4, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    most_minor = models.PositiveBigIntegerField(null=True, blank=True, help_text="What a mandate allows at once.")
    is_default = models.BooleanField(default=False)
    expiry_told_at = models.DateTimeField(null=True, blank=True)

    class Meta(Record.Meta):
        indexes = [
            models.Index(fields=["reference"], name="method_reference"),
            models.Index(fields=["status", "-id"], name="method_by_status"),
            models.Index(fields=["gateway", "-id"], name="method_by_gateway"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["gateway", "reference"], name="method_once"),
            models.UniqueConstraint(fields=["organisation"], condition=Q(is_default=True), name="method_default_once"),
        ]

    def __str__(self) -> str:
        return f"{self.brand or self.kind} …{self.last_four}"
