"""What payments are documented by."""

from django.db import models
from django.db.models import Q

from accounts.models import Organisation
from billing.models.payments import Payment
from zupertry.core.ids import IdField, Record


class Invoice(Record):
    """What a payment is documented by: our own tax invoice in India, elsewhere a link to Stripe's.

    A tax invoice keeps what it said: `seller` and `buyer` are copies, and its number never changes.
    """

    id = IdField("inv")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="invoices", db_index=False)
    payment = models.OneToOneField(Payment, models.PROTECT, related_name="invoice")
    number = models.CharField(max_length=50, blank=True)
    url = models.TextField(blank=True)
    pdf_url = models.TextField(blank=True)
    seller = models.JSONField(default=dict)
    buyer = models.JSONField(default=dict)
    sac = models.CharField(max_length=8, blank=True)
    place_of_supply = models.CharField(max_length=2, blank=True)
    cgst_minor = models.PositiveBigIntegerField(default=0)
    sgst_minor = models.PositiveBigIntegerField(default=0)
    igst_minor = models.PositiveBigIntegerField(default=0)

    class Meta(Record.Meta):
        indexes = [
            models.Index(fields=["organisation", "-id"], name="invoice_listing"),
            models.Index(fields=["number"], name="invoice_number"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["number"], condition=~Q(seller={}), name="tax_invoice_number_once")
        ]

    def __str__(self) -> str:
        return self.number or self.id


class InvoiceSequence(models.Model):
    """The last number given in a financial year (`2627` is April 2026 to March 2027)."""

    year = models.CharField(max_length=4, primary_key=True)
    last = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.year}: {self.last}"
