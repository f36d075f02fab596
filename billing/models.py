"""Plans, and what each organisation has: credits, and every change of them."""

from django.db import models
from django.db.models import Q

from accounts.models import Organisation
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


class CreditAccount(models.Model):
    """An organisation's credits. `available` may be spent; `reserved` is held by jobs that have not ended."""

    organisation = models.OneToOneField(Organisation, models.PROTECT, primary_key=True, related_name="credit_account")
    available = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)

    class Meta:
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
        indexes = [models.Index(fields=["account", "-id"], name="ledger_listing")]
        constraints = [
            models.UniqueConstraint(fields=["kind", "reference"], name="ledger_kind_reference_once"),
            models.UniqueConstraint(
                fields=["reference"], condition=Q(kind__in=["capture", "release"]), name="ledger_hold_ends_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"
