"""What was changed, and by whom."""

from django.db import models
from django.db.models import Q

from accounts.models.organisations import Organisation
from zupertry.core.ids import IdField, Record


class AuditEntry(Record):
    """What somebody changed. `actor` is text (`user:…`, `key:…`, `staff:…`, `system`) and outlives the person.

    No `organisation`: staff changed something of the service. `reason` is staff's own, and shown to staff alone.
    """

    id = IdField("aud")
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, related_name="audit_entries", db_index=False
    )
    actor = models.CharField(max_length=60)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=60, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict)

    class Meta(Record.Meta):
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
            models.Index(fields=["subject", "-id"], name="audit_by_subject"),
            models.Index(fields=["action", "-id"], name="audit_of_action"),
            models.Index(fields=["-id"], name="audit_with_reason", condition=~Q(reason="")),
            models.Index(fields=["organisation", "-id"], name="audit_listing"),
            models.Index(fields=["organisation", "action", "-id"], name="audit_by_action"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.subject}"
