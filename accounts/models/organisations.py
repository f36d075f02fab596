"""Organisations, and the shelves that their jobs lie on."""

from django.db import models
from django.db.models import Q

from zupertry.core.ids import IdField, Record

DEFAULT_RATE_LIMIT = 60
MAX_WORKSPACES = 25


class Region(models.TextChoices):
    """Where an organisation is billed. It decides the currency and the gateway."""

    INDIA = "IN", "India"
    UNITED_STATES = "US", "United States"
    EUROPE = "EU", "European Union"
    GLOBAL = "GLOBAL", "Elsewhere"


CURRENCIES = {Region.INDIA: "INR", Region.UNITED_STATES: "USD", Region.EUROPE: "EUR", Region.GLOBAL: "USD"}


class Organisation(Record):
    """A customer. `plan` is the code of a plan that billing knows.

    The row is never deleted. One whose deletion is due is closed at first: nobody comes in any more; once what was
    under way has ended, everything personal is erased, and `deleted_at` set.
    """

    id = IdField("org")
    name = models.CharField(max_length=200)
    region = models.CharField(max_length=6, choices=Region)
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1 alpha-2, as told at the start.")
    plan = models.CharField(max_length=20, default="starter")
    rate_limit_per_minute = models.PositiveIntegerField(default=DEFAULT_RATE_LIMIT)
    suspended_at = models.DateTimeField(null=True, blank=True)
    deletion_due_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta(Record.Meta):
        permissions = [
            ("suspend_organisation", "Can suspend and restore organisations"),
            ("set_plan", "Can move organisations to another plan"),
            ("set_region", "Can move organisations to another region"),
            ("set_rate_limit", "Can change an organisation's rate limit"),
            ("mail_owners", "Can write to an organisation's owners"),
        ]
        # And by the beginning of the name: a migration makes that index, which only PostgreSQL has.
        indexes = [
            models.Index(fields=["plan", "-id"], name="organisation_by_plan"),
            models.Index(fields=["region", "-id"], name="organisation_by_region"),
            models.Index(fields=["-id"], name="organisation_suspended", condition=Q(suspended_at__isnull=False)),
            models.Index(fields=["-id"], name="organisation_leaving", condition=Q(deletion_due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def currency(self) -> str:
        """The ISO 4217 code that the organisation pays in."""
        return CURRENCIES[Region(self.region)]


class Workspace(Record):
    """A shelf for jobs within an organisation: a brand, a season, a shop."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        ARCHIVED = "archived"

    id = IdField("ws")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="workspaces", db_index=False)
    name = models.CharField(max_length=100)
    status = models.CharField(max_length=8, choices=Status, default=Status.ACTIVE)

    class Meta(Record.Meta):
        indexes = [
            models.Index(fields=["organisation", "status", "id"], name="workspace_listing"),
            models.Index(fields=["status", "-id"], name="workspace_by_status"),
        ]

    def __str__(self) -> str:
        return self.name
