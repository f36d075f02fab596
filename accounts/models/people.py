"""People, and their places in organisations."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models.organisations import Organisation
from zupertry.core.ids import IdField, Record


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
