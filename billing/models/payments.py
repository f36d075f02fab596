"""Money for credits, and money that went back.

Money is integer minor units (paise, cents) with an ISO 4217 currency.
"""

from django.db import models
from django.db.models import Q

from accounts.models import Organisation
from billing.currencies import Currency, Gateway
from billing.models.buyers import PaymentMethod
from billing.models.catalogue import CreditPack
from zupertry.core.ids import IdField, Record


class Payment(Record):
    """Money for credits: one purchase, from the wish to its end.

    `created` (nothing asked of the gateway yet) → `open` → `paid` | `failed` | `expired` | `quarantined`. A gateway may
    still authorise what had failed or expired, so those two may become `paid`. What was paid stays so: refunds and
    disputes are rows of their own. `quarantined` is paid, but not as asked for: staff make it `paid` or `refused`.
    """

    class Status(models.TextChoices):
        CREATED = "created"
        OPEN = "open"
        PAID = "paid"
        FAILED = "failed"
        EXPIRED = "expired"
        QUARANTINED = "quarantined"
        REFUSED = "refused"

    class Purpose(models.TextChoices):
        TOP_UP = "top_up", "Top-up"
        AUTO_RELOAD = "auto_reload", "Auto-reload"

    UNDECIDED = (Status.CREATED, Status.OPEN)
    MAY_STILL_BE_PAID = (Status.CREATED, Status.OPEN, Status.FAILED, Status.EXPIRED)
    CANCELLED = "Cancelled before it was paid."
    """What `failure` says of a payment that expired since its buyer wished so."""

    id = IdField("pay")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="payments", db_index=False)
    pack = models.ForeignKey(CreditPack, models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=11, choices=Purpose, default=Purpose.TOP_UP)
    status = models.CharField(max_length=11, choices=Status, default=Status.CREATED)
    gateway = models.CharField(max_length=8, choices=Gateway)
    actor = models.CharField(max_length=60)
    credits = models.PositiveIntegerField()
    currency = models.CharField(max_length=3, choices=Currency)
    net_minor = models.PositiveBigIntegerField()
    tax_minor = models.PositiveBigIntegerField(default=0)
    buyer = models.JSONField(default=dict, help_text="The billing details it was made with.")
    idempotency_key = models.CharField(max_length=100, unique=True)
    keep_method = models.BooleanField(default=False)
    method = models.ForeignKey(PaymentMethod, models.PROTECT, null=True, blank=True, related_name="+")
    checkout_reference = models.CharField(max_length=100, blank=True)
    checkout_url = models.TextField(blank=True)
    gateway_reference = models.CharField(max_length=100, blank=True)
    needs_authentication = models.BooleanField(default=False)
    failure = models.CharField(max_length=500, blank=True)
    expected_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(null=True, blank=True)

    class Meta(Record.Meta):
        permissions = [("resolve_payment", "Can look at payments again and decide on quarantined ones")]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="payment_listing"),
            models.Index(fields=["gateway", "settled_at"], name="payment_settled", condition=Q(status="paid")),
            models.Index(fields=["next_check_at"], name="payment_due", condition=Q(next_check_at__isnull=False)),
            models.Index(fields=["checkout_reference"], name="payment_checkout"),
            models.Index(fields=["gateway_reference"], name="payment_charge"),
            models.Index(fields=["status", "-id"], name="payment_by_status"),
            models.Index(fields=["gateway", "-id"], name="payment_by_gateway"),
            models.Index(fields=["purpose", "-id"], name="payment_by_purpose"),
            models.Index(fields=["currency", "-id"], name="payment_by_currency"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["gateway", "checkout_reference"], condition=~Q(checkout_reference=""), name="checkout_once"
            ),
            models.UniqueConstraint(
                fields=["gateway", "gateway_reference"], condition=~Q(gateway_reference=""), name="gateway_payment_once"
            ),
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(purpose="auto_reload", status__in=["created", "open"]),
                name="one_open_reload",
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def amount_minor(self) -> int:
        """What is to be paid: net and tax."""
        return self.net_minor + self.tax_minor

    @property
    def waits_for_buyer(self) -> bool:
        """Whether it is undecided and the buyer's turn, as far as is known here: not a bank's, and not ours."""
        theirs = self.purpose == self.Purpose.TOP_UP or self.needs_authentication
        return self.status in self.UNDECIDED and theirs

    @property
    def was_cancelled(self) -> bool:
        """Whether it ended since its buyer wished so."""
        return self.status == self.Status.EXPIRED and self.failure == self.CANCELLED


class Reversal(Record):
    """Money of a payment that went back, or is disputed: `reference` is the gateway's refund or dispute."""

    class Kind(models.TextChoices):
        REFUND = "refund"
        DISPUTE = "dispute"

    id = IdField("rev")
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="reversals")
    kind = models.CharField(max_length=7, choices=Kind)
    reference = models.CharField(max_length=100, unique=True)
    amount_minor = models.PositiveBigIntegerField()
    credits = models.PositiveIntegerField()
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta(Record.Meta):
        indexes = [
            models.Index(fields=["kind", "-id"], name="reversal_by_kind"),
            models.Index(fields=["-id"], name="reversal_undone", condition=Q(undone_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


class AutoReload(models.Model):
    """Buying a pack by itself when few credits are left. `claimed_at`: the latest attempt, whatever came of it."""

    organisation = models.OneToOneField(Organisation, models.PROTECT, primary_key=True, related_name="auto_reload")
    enabled = models.BooleanField(default=False)
    threshold = models.PositiveIntegerField(help_text="Fewer available credits than this start it.")
    pack = models.ForeignKey(CreditPack, models.PROTECT, related_name="+")
    monthly_cap_minor = models.PositiveBigIntegerField(
        help_text="Most that it may spend in a calendar month (UTC), with tax."
    )
    attempts = models.PositiveIntegerField(default=0)
    failures_in_a_row = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True, blank=True)
    switched_off_because = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["-failures_in_a_row", "organisation"], name="reload_listing"),
            models.Index(fields=["enabled", "-failures_in_a_row", "organisation"], name="reload_by_state"),
        ]

    def __str__(self) -> str:
        return f"{'on' if self.enabled else 'off'} below {self.threshold}"
