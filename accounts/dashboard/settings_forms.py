"""The forms of keys, webhooks, workspaces, team and audit log. The domain decides about what is typed."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils import timezone

from accounts import team
from accounts.dashboard.fields import DAY, JobIdField
from accounts.dashboard.listings import made_on
from accounts.models import Invitation, Mode, Role, User, WebhookDelivery
from zupertry.core.addresses import MAX_URL_LENGTH

ROLE_WORDS = {
    Role.OWNER: "Owner: everything",
    Role.ADMIN: "Admin: everything except making and removing owners",
    Role.DEVELOPER: "Developer: keys, webhooks and workspaces",
    Role.BILLING: "Billing: credits, payments and invoices",
    Role.VIEWER: "Viewer: looks, changes nothing",
}
MOMENT = "%Y-%m-%dT%H:%M"


class KeyForm(forms.Form):
    """A new key."""

    name = forms.CharField(
        max_length=100,
        help_text="Where it is used: “Shop, production”.",
        error_messages={"required": "Give it a name."},
    )
    mode = forms.ChoiceField(choices=[(Mode.TEST, "Test: free mock pictures"), (Mode.LIVE, "Live: spends credits")])


class EndpointForm(forms.Form):
    """Where webhooks go. The domain checks the URL."""

    url = forms.CharField(
        label="URL",
        required=False,
        max_length=MAX_URL_LENGTH,
        widget=forms.TextInput({"type": "url", "placeholder": "https://shop.example.com/zupertry"}),
        help_text="For jobs that name no webhook_url of their own. Empty: no webhooks.",
    )


class DeliveryFilter(forms.Form):
    """Which deliveries to show. Days are UTC's, both included."""

    status = forms.ChoiceField(required=False, choices=[("", "Every status"), *WebhookDelivery.Status.choices])
    since = forms.DateField(required=False, label="From", widget=DAY)
    until = forms.DateField(required=False, label="To", widget=DAY)
    job = JobIdField()

    def conditions(self) -> dict[str, Any]:
        """Return what a row must fulfil, as Django's filter takes it. What was typed wrong filters nothing out."""
        self.is_valid()
        given = self.cleaned_data
        conditions: dict[str, Any] = made_on("whd", given.get("since"), given.get("until"))
        if given.get("status"):
            conditions["status"] = given["status"]
        if given.get("job"):
            conditions["event__reference"] = given["job"]
        return conditions


class ReplayForm(forms.Form):
    """Since when to replay what failed, in UTC."""

    since = forms.DateTimeField(
        label="Replay all that failed since (UTC)",
        input_formats=[MOMENT],
        widget=forms.DateTimeInput({"type": "datetime-local"}, MOMENT),
        error_messages={"required": "Give a time."},
    )

    @classmethod
    def for_the_last_day(cls) -> "ReplayForm":
        """Return the form as it is offered first."""
        return cls(initial={"since": timezone.now() - timedelta(days=1)})

    def clean_since(self) -> datetime:
        """Return the time as UTC, whatever the server's zone is."""
        since: datetime = self.cleaned_data["since"]
        return since.replace(tzinfo=UTC)


class WorkspaceForm(forms.Form):
    """A workspace's name."""

    name = forms.CharField(max_length=100, error_messages={"required": "Give it a name."})


class InvitationForm(forms.Form):
    """Whom to invite, and as what: only owners invite owners."""

    email = forms.EmailField(
        label="E-mail",
        error_messages={"required": "Give an address."},
        widget=forms.EmailInput({"autocomplete": "off"}),
    )
    role = forms.ChoiceField(initial=Role.DEVELOPER)

    def __init__(self, by: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_roles(self, by)


class RoleForm(forms.Form):
    """Another role for a member."""

    role = forms.ChoiceField()

    def __init__(self, by: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_roles(self, by)


def _offer_roles(form: forms.Form, by: str) -> None:
    form.fields["role"].choices = [(role, ROLE_WORDS[role]) for role in team.may_give(by)]  # type: ignore[attr-defined]


class JoinForm(forms.Form):
    """An account for somebody who was invited and has none."""

    name = forms.CharField(
        label="Your name", max_length=200, required=False, widget=forms.TextInput({"autocomplete": "name"})
    )
    password = forms.CharField(
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text="At least 8 characters, and none of the common ones.",
        strip=False,
    )

    def __init__(self, invitation: Invitation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation = invitation

    def clean_password(self) -> str:
        """Return the password. Raises `ValidationError` for a weak one, or one like the address or the name."""
        password: str = self.cleaned_data["password"]
        validate_password(password, User(email=self.invitation.email, name=self.cleaned_data.get("name", "")))
        return password


class AuditFilter(forms.Form):
    """Which entries of the audit log to show. Days are UTC's, both included."""

    action = forms.ChoiceField(required=False)
    by = forms.ChoiceField(required=False)
    since = forms.DateField(required=False, label="From", widget=DAY)
    until = forms.DateField(required=False, label="To", widget=DAY)

    def __init__(self, data: Any, *, actions: list[tuple[str, str]], actors: list[tuple[str, str]]) -> None:
        super().__init__(data)
        self.fields["action"].choices = [("", "Every action"), *actions]  # type: ignore[attr-defined]
        self.fields["by"].choices = [("", "Everybody"), *actors]  # type: ignore[attr-defined]

    def conditions(self) -> dict[str, Any]:
        """Return what a row must fulfil, as Django's filter takes it. What was typed wrong filters nothing out."""
        self.is_valid()
        given = self.cleaned_data
        conditions: dict[str, Any] = made_on("aud", given.get("since"), given.get("until"))
        if given.get("action"):
            conditions["action"] = given["action"]
        if given.get("by"):
            conditions["actor__startswith"] = given["by"]
        return conditions
