"""What each organisation has, and every change of it."""

from django.db import models
from django.db.models import Q

from accounts.models import Organisation
from zupertry.core.ids import IdField, Record


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
            # A job writes two entries, which this index does not slow down: theirs are everywhere, and found by id.
            models.Index(
                fields=["kind", "-id"],
                name="ledger_rare",
                condition=Q(kind__in=["purchase", "grant", "refund", "clawback", "reinstate", "adjustment"]),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["kind", "reference"], name="ledger_kind_reference_once"),
            models.UniqueConstraint(
                fields=["reference"], condition=Q(kind__in=["capture", "release"]), name="ledger_hold_ends_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"
