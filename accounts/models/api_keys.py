"""The keys that organisations' programs call with."""

from django.db import models

from accounts.models.organisations import Organisation
from zupertry.core.ids import IdField, Record

MAX_API_KEYS = 10


class Mode(models.TextChoices):
    """What a key spends: credits and a real engine, or nothing at all."""

    LIVE = "live"
    TEST = "test"


class ApiKey(Record):
    """A secret that acts for an organisation in one mode. Only its SHA-256 is kept."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        DISABLED = "disabled"
        REVOKED = "revoked"

    id = IdField("key")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="api_keys")
    mode = models.CharField(max_length=4, choices=Mode)
    name = models.CharField(max_length=100)
    digest = models.BinaryField(max_length=32, unique=True)
    last_four = models.CharField(max_length=4)
    status = models.CharField(max_length=8, choices=Status, default=Status.ACTIVE)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta(Record.Meta):
        verbose_name = "API key"
        permissions = [("revoke_apikey", "Can revoke API keys")]
        indexes = [
            models.Index(fields=["last_four", "-id"], name="key_by_last_four"),
            models.Index(fields=["mode", "-id"], name="key_by_mode"),
            models.Index(fields=["status", "-id"], name="key_by_status"),
        ]

    def __str__(self) -> str:
        return f"zt_{self.mode}_sk_…{self.last_four}"
