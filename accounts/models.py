"""Who uses the service: people, organisations, what they own, and what was changed by whom."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from zupertry.core.ids import IdField, Record

DEFAULT_RATE_LIMIT = 60
MAX_API_KEYS = 10
MAX_WORKSPACES = 25


class Region(models.TextChoices):
    """Where an organisation is billed. It decides the currency and the gateway."""

    INDIA = "IN", "India"
    UNITED_STATES = "US", "United States"
    EUROPE = "EU", "European Union"
    GLOBAL = "GLOBAL", "Elsewhere"


CURRENCIES = {Region.INDIA: "INR", Region.UNITED_STATES: "USD", Region.EUROPE: "EUR", Region.GLOBAL: "USD"}


class Mode(models.TextChoices):
    """What a key spends: credits and a real engine, or nothing at all."""

    LIVE = "live"
    TEST = "test"


class UserManager(BaseUserManager["User"]):
    """Makes people, who log in with their e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a person with this address and password (None: none that works)."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a member of staff with every permission, as `createsuperuser` does."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(Record, AbstractBaseUser, PermissionsMixin):
    """A person."""

    id = IdField("usr")
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    deletion_due_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta(Record.Meta):
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_once")]
        permissions = [
            ("reset_second_factor", "Can remove the second factors of people who lost theirs"),
            ("end_sessions", "Can log people out everywhere"),
        ]
        indexes = [
            models.Index(fields=["-id"], name="user_staff", condition=Q(is_staff=True)),
            models.Index(fields=["-id"], name="user_inactive", condition=Q(is_active=False)),
        ]

    def __str__(self) -> str:
        return self.email


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


class Role(models.TextChoices):
    """What a member may do."""

    OWNER = "owner"
    ADMIN = "admin"
    DEVELOPER = "developer"
    BILLING = "billing"
    VIEWER = "viewer"


class Membership(models.Model):
    """A person's place in an organisation."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "organisation"], name="membership_once")]
        indexes = [models.Index(fields=["role", "-id"], name="membership_by_role")]

    def __str__(self) -> str:
        return f"{self.user_id} as {self.role} of {self.organisation_id}"


INVITATION_OPEN = Q(accepted_at__isnull=True, revoked_at__isnull=True)


class Invitation(Record):
    """A place in an organisation, offered to an address. Of the token in the mailed link only the SHA-256 is kept."""

    id = IdField("inv")
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Role)
    digest = models.BinaryField(max_length=32, unique=True)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta(Record.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "email"], name="invitation_open_once", condition=INVITATION_OPEN
            )
        ]
        indexes = [
            models.Index(fields=["email", "-id"], name="invitation_to"),
            models.Index(fields=["-id"], name="invitation_open", condition=INVITATION_OPEN),
        ]

    def __str__(self) -> str:
        return f"{self.id} as {self.role}"

    @property
    def is_expired(self) -> bool:
        """Whether its link has stopped working by itself."""
        return self.expires_at <= timezone.now()


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


class WebhookEndpoint(models.Model):
    """Where an organisation is told of its jobs, and the sealed secrets that sign what it is told."""

    organisation = models.OneToOneField(Organisation, models.PROTECT, primary_key=True, related_name="webhook_endpoint")
    url = models.CharField(max_length=2048, blank=True)
    sealed_secret = models.TextField()
    sealed_previous_secret = models.TextField(blank=True)
    rotated_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.url or "no webhook URL"


class WebhookEvent(Record):
    """Something an organisation is told. `reference` is the id of what it is about, `request_id` whose doing it was.

    `payload` is the body without links: `output_name` is a name in storage, and each attempt signs its own link.
    """

    id = IdField("evt")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="webhook_events", db_index=False)
    type = models.CharField(max_length=50)
    reference = models.CharField(max_length=40, db_index=True)
    request_id = models.CharField(max_length=64, blank=True, db_default="")
    payload = models.JSONField()
    output_name = models.CharField(max_length=200, blank=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta(Record.Meta):
        indexes = [
            models.Index(fields=["organisation", "-id"], name="event_listing"),
            models.Index(fields=["type", "-id"], name="event_by_type", condition=~models.Q(type="job.completed")),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.reference}"


class WebhookDelivery(Record):
    """An event on its way to one URL. `target` is scheme, host and port, which share a limit of what is in flight.

    A replay begins the retry schedule anew, after `attempts_before_replay` attempts.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        RETRYING = "retrying"
        DELIVERED = "delivered"
        FAILED = "failed"

    id = IdField("whd")
    event = models.ForeignKey(WebhookEvent, models.PROTECT, related_name="deliveries")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+", db_index=False)
    url = models.CharField(max_length=2048)
    target = models.CharField(max_length=300)
    status = models.CharField(max_length=9, choices=Status, default=Status.PENDING)
    attempt = models.PositiveSmallIntegerField(default=0)
    attempts_before_replay = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now)
    lease_expires_at = models.DateTimeField(null=True)

    class Meta(Record.Meta):
        verbose_name_plural = "webhook deliveries"
        permissions = [
            ("replay_webhookdelivery", "Can send webhooks again"),
            ("stop_webhookdelivery", "Can stop webhooks that are being retried"),
        ]
        indexes = [
            models.Index(fields=["organisation", "-id"], name="delivery_listing"),
            models.Index(fields=["organisation", "status", "-id"], name="delivery_by_status"),
            models.Index(fields=["status", "-id"], name="delivery_undelivered", condition=~Q(status="delivered")),
            models.Index(fields=["next_attempt_at"], name="delivery_due", condition=Q(next_attempt_at__isnull=False)),
            models.Index(
                fields=["organisation", "target", "next_attempt_at"],
                name="delivery_in_flight",
                condition=Q(next_attempt_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.target}"


class DeliveryAttempt(models.Model):
    """One try to deliver: what was answered, how long it took, and why it did not pass."""

    delivery = models.ForeignKey(WebhookDelivery, models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    response_status = models.PositiveSmallIntegerField(null=True)
    response_body = models.TextField(blank=True)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_once")]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.delivery_id}"

    @property
    def outcome(self) -> str:
        """What came of it, as part of a sentence: `answered 503`, `the server refused the connection`."""
        if self.response_status:
            return f"answered {self.response_status}"
        return f"{self.error[:1].lower()}{self.error[1:]}".removesuffix(".")


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
