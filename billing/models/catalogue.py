"""What is sold: plans, and packs with their prices."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing.currencies import Currency
from zupertry.core.ids import IdField, Record
from zupertry.core.money import format_minor


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
        return f"{self.credits} credits for {format_minor(self.price_minor, self.currency)} on {self.plan_id}"
