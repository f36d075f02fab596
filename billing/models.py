"""What is sold, what each organisation has, and every change of it: credits in the ledger, money in payments.

Money is integer minor units (paise, cents) with an ISO 4217 currency.
"""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Organisation
from billing.currencies import Currency, Gateway
from zupertry.core.ids import IdField, Record


class Plan(models.Model):
    """What organisations subscribe to. `Organisation.plan` holds its code."""

    code = models.CharField(max_length=20, primary_key=True)
    name = models.CharField(max_length=50)
    signup_credits = models.PositiveIntegerField(
        null=True, blank=True, help_text="Credits given at the start. Empty: the setting SIGNUP_CREDITS."
    )

    def __str__(self) -> str:
        return self.name


class CreditPack(Record):
    """So many credits for so much money. A changed price is a new row: payments keep the one that they were made at."""

    id = IdField("pck")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="packs", db_index=False)
    currency = models.CharField(max_length=3, choices=Currency)
    credits = models.PositiveIntegerField()
    price_minor = models.PositiveBigIntegerField(help_text="Before tax, in minor units: 150000 is ₹1,500.00.")
    moves_to = models.ForeignKey(
        Plan, models.PROTECT, null=True, blank=True, related_name="+", help_text="The plan that its buyer is on after."
    )
    active_from = models.DateTimeField(default=timezone.now)
    active_until = models.DateTimeField(null=True, blank=True)

    class Meta(Record.Meta):
        indexes = [models.Index(fields=["plan", "currency", "credits"], name="pack_offer")]
        constraints = [
            models.CheckConstraint(condition=Q(credits__gt=0, price_minor__gt=0), name="pack_is_worth_something"),
            models.CheckConstraint(
                condition=Q(active_until=None) | Q(active_until__gt=models.F("active_from")),
                name="pack_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.credits} credits for {self.currency} {self.price_minor} on {self.plan_id}"


class CreditAccount(models.Model):
    """An organisation's credits. `available` may be spent; `reserved` is held by jobs that have not ended."""

    organisation = models.OneToOneField(Organisation, models.PROTECT, primary_key=True, related_name="credit_account")
    available = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)
    low_balance_at = models.PositiveIntegerField(default=5, help_text="Fewer credits than this are told by mail.")
    low_balance_told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("grant_credits", "Can grant credits"), ("take_credits", "Can take credits")]
        constraints = [models.CheckConstraint(condition=Q(reserved__gte=0), name="reserved_not_negative")]

    def __str__(self) -> str:
        return f"{self.available} available, {self.reserved} reserved"


class LedgerEntry(Record):
    """One change of an account, never altered and never deleted: a trigger sees to that.

    `reference` is the id of what it is for: the job, the payment, the gateway's refund, staff's form.
    """

    class Kind(models.TextChoices):
        HOLD = "hold"
        CAPTURE = "capture"
        RELEASE = "release"
        PURCHASE = "purchase"
        GRANT = "grant"
        REFUND = "refund"
        CLAWBACK = "clawback"
        REINSTATE = "reinstate"
        ADJUSTMENT = "adjustment"

    id = IdField("led")
    account = models.ForeignKey(CreditAccount, models.PROTECT, related_name="entries", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    available_delta = models.BigIntegerField()
    reserved_delta = models.BigIntegerField()
    reference = models.CharField(max_length=100)
    actor = models.CharField(max_length=60)
    note = models.CharField(max_length=300, blank=True)

    class Meta(Record.Meta):
        verbose_name_plural = "ledger entries"
        indexes = [
            models.Index(fields=["account", "-id"], name="ledger_listing"),
            models.Index(fields=["account", "kind", "-id"], name="ledger_of_kind"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["kind", "reference"], name="ledger_kind_reference_once"),
            models.UniqueConstraint(
                fields=["reference"], condition=Q(kind__in=["capture", "release"]), name="ledger_hold_ends_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


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
        constraints = [
            models.UniqueConstraint(fields=["gateway", "reference"], name="method_once"),
            models.UniqueConstraint(fields=["organisation"], condition=Q(is_default=True), name="method_default_once"),
        ]

    def __str__(self) -> str:
        return f"{self.brand or self.kind} …{self.last_four}"


class Payment(Record):
    """Money for credits: one purchase, from the wish to its end.

    `created` (nothing asked of the gateway yet) → `open` → `paid` | `failed` | `expired` | `quarantined`. A gateway may
    still authorise what had failed or expired, so those two may become `paid`. What was paid stays so: refunds and
    disputes are rows of their own. `quarantined` is paid, but not what was asked for; staff decide.
    """

    class Status(models.TextChoices):
        CREATED = "created"
        OPEN = "open"
        PAID = "paid"
        FAILED = "failed"
        EXPIRED = "expired"
        QUARANTINED = "quarantined"

    class Purpose(models.TextChoices):
        TOP_UP = "top_up", "Top-up"
        AUTO_RELOAD = "auto_reload", "Auto-reload"

    UNDECIDED = (Status.CREATED, Status.OPEN)
    MAY_STILL_BE_PAID = (Status.CREATED, Status.OPEN, Status.FAILED, Status.EXPIRED)

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
        return f"{self.id}: {self.credits} credits, {self.currency} {self.amount_minor}, {self.status}"

    @property
    def amount_minor(self) -> int:
        """What is to be paid: net and tax."""
        return self.net_minor + self.tax_minor


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

    def __str__(self) -> str:
        return f"{'on' if self.enabled else 'off'} below {self.threshold}"


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
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.reference}"


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
        indexes = [models.Index(fields=["organisation", "-id"], name="invoice_listing")]
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


class Discrepancy(Record):
    """Something on which a gateway and we do not agree, until it is mended."""

    id = IdField("dis")
    gateway = models.CharField(max_length=8, choices=Gateway)
    kind = models.CharField(max_length=40)
    reference = models.CharField(max_length=100)
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, blank=True, related_name="discrepancies")
    details = models.CharField(max_length=500)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta(Record.Meta):
        verbose_name_plural = "discrepancies"
        permissions = [("resolve_discrepancy", "Can close discrepancies")]
        constraints = [
            models.UniqueConstraint(
                fields=["gateway", "kind", "reference"], condition=Q(resolved_at=None), name="discrepancy_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"
