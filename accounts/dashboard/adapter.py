"""How django-allauth is told what is ours: who may sign up, where links lead, what a person is told."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's decisions, where its own are not the right ones for us."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "The e-mail address or the password is not right.",
        "too_many_login_attempts": "Too many attempts have failed. Try again in a few minutes, or reset the password.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Let nobody make an account by themselves."""
        del request
        return False

    def is_safe_url(self, url: str) -> bool:
        """Let a login lead on to pages of this site only: the default takes every host that we answer to."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the link that a mail carries: by our public address, whatever Host the request came with."""
        uid, _, token = key.partition("-")
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
        return f"{settings.PUBLIC_URL}{path}"
