"""Mails that wait to be sent, or were."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.organisations import Organisation
from zupertry.core.ids import IdField, Record


class Mail(Record):
    """A mail to an organisation's people, kept until it is sent: one for each `kind` and `reference`, ever.

    It goes to `address`; where there is none, to the members with one of `roles`, looked up when it is sent. `context`
    fills its template, and so do the sealed secrets, which are forgotten when it is sent.
    """

    id = IdField("eml")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="mails")
    kind = models.CharField(max_length=40)
    reference = models.CharField(max_length=100)
    roles = models.JSONField(default=list)
    address = models.EmailField(blank=True)
    context = models.JSONField(default=dict)
    sealed_secrets = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now)
    sent_at = models.DateTimeField(null=True)

    class Meta(Record.Meta):
        constraints = [models.UniqueConstraint(fields=["kind", "reference"], name="mail_once")]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="mail_due", condition=Q(next_attempt_at__isnull=False)),
            models.Index(fields=["organisation", "-id"], name="mail_listing"),
            models.Index(fields=["kind", "-id"], name="mail_of_kind"),
            models.Index(fields=["reference", "-id"], name="mail_about"),
            models.Index(fields=["address", "-id"], name="mail_to", condition=~Q(address="")),
            models.Index(fields=["-id"], name="mail_unsent", condition=Q(sent_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"
