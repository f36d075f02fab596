"""How django-allauth is told what is ours: where links lead, what a person is told, and how."""

from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.utils import get_next_redirect_url
from django.conf import settings
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.dashboard.sessions import device_of
from accounts.models import User

CHANGES = {
    "account/email/deletion_asked": "You asked to delete your account in 7 days; until then you can log in and keep it",
    "account/email/email_changed": "Your e-mail address was changed",
    "account/email/password_changed": "Your password was changed",
    "account/email/password_reset": "Your password was reset",
    "account/email/password_set": "A password was set",
    "mfa/email/recovery_codes_generated": "New recovery codes were made",
    "mfa/email/totp_activated": "An authenticator app was added",
    "mfa/email/totp_deactivated": "The authenticator app was removed",
    "mfa/email/webauthn_added": "A passkey was added",
    "mfa/email/webauthn_removed": "A passkey was removed",
    "mfa/email/reset_by_staff": "Our staff removed your second factor and logged you out everywhere",
}
"""What a person is told by mail, by allauth's name for it. One template says all of them."""

log = structlog.get_logger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's decisions, where its own are not the right ones for us."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "The e-mail address or the password is not right.",
        "too_many_login_attempts": "Too many attempts have failed. Try again in a few minutes, or reset the password.",
        "incorrect_code": "This code is not right. Check it, or ask for a new one.",
        "incorrect_password": "This is not your password.",
        "enter_current_password": "This is not your present password.",
        "duplicate_email": "This is your address already.",
        "email_taken": "This address belongs to another account.",
        "rate_limited": "These were many tries in a short time. Wait a few minutes.",
    }

    def pre_login(self, request: HttpRequest, user: User, *, signup: bool, **login: Any) -> HttpResponse | None:
        """Take the address of a person whom staff made as verified. Who signs up has an entry that says otherwise."""
        if not signup and not EmailAddress.objects.filter(user=user).exists():
            EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
        response: HttpResponse | None = super().pre_login(request, user, signup=signup, **login)
        return response

    def is_safe_url(self, url: str) -> bool:
        """Let a login lead on to pages of this site only: the default takes every host that we answer to."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Offer no password on the way to staff's site, which asks for the second factor."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        going = get_next_redirect_url(self.request) or ""
        second = [method for method in methods if method["id"] != "reauthenticate"]
        return second if second and going.startswith(reverse("admin:index")) else methods

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the link that a mail carries: by our public address, whatever Host the request came with."""
        uid, _, token = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
        return f"{settings.PUBLIC_URL}{path}"

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        """Return to the profile, where the address was changed. Who signs up is led on by the login."""
        del email_address
        return reverse("profile")

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail. When the server does not take it, what it tells of stays done, and a code can be asked again."""
        try:
            super().send_mail(template_prefix, email, context | {"public_url": settings.PUBLIC_URL})
        except OSError as error:  # as all of smtplib's are; without its text, which may hold the address
            log.warning("account_mail_not_sent", template=template_prefix, error=type(error).__name__)

    def render_mail(self, *args: Any, **kwargs: Any) -> EmailMessage:
        """Make a mail, answers to which go where customers write to."""
        message: EmailMessage = super().render_mail(*args, **kwargs)
        message.reply_to = [settings.SUPPORT_EMAIL] if settings.SUPPORT_EMAIL else []
        return message

    def get_http_user_agent(self, request: HttpRequest) -> str:
        """Return what a person would call the browser: mails about changes say it."""
        return device_of(request.headers.get("User-Agent", ""))

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Tell a person of a change that decides who can log in."""
        told = (context or {}) | {"what": CHANGES[template_prefix]}
        super().send_notification_mail("account/email/security", user, context=told, email=email)
