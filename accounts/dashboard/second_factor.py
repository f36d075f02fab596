"""Second factors, as django-allauth keeps them: authenticator apps (RFC 6238), passkeys (WebAuthn), recovery codes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from allauth.account.internal.flows.login import record_authentication
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base import forms as base
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.dashboard.forms import InOurWords
from accounts.models import User
from zupertry.core.crypto import seal, unseal


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's decisions, where its own are not the right ones for us."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This is not right, or was used already. Try the next code.",
        "wrong_passkey": "This passkey can't be used here. Try again, or another one.",
    }

    def encrypt(self, text: str) -> str:
        """Seal a seed for the database."""
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Read a sealed seed."""
        return unseal(encrypted_text)

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        """Return what a new passkey is called unless its owner says otherwise."""
        return f"Passkey {Authenticator.objects.filter(user=user, type=type).count() + 1}"

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return whom passkeys are for: our public host name, whatever Host the request came with."""
        return {"id": str(urlsplit(settings.PUBLIC_URL).hostname), "name": "Zupertry"}


def has_shown(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Write into the session that an app or a passkey was just used: it was not added without.

    Who adds one could use it at once where it is asked for, so nothing is given away.
    """
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)


class _UsableOnce:
    """Refuses a code that was used before, for as long as it would be right (RFC 6238, 5.2).

    allauth remembers it for one step, which is enough only where no step before and after is taken.
    """

    user: User

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]
        steps = 2 * app_settings.TOTP_TOLERANCE + 1
        used = f"second-factor:{self.user.pk}:{normalize_user_code(code)}"
        if not cache.add(used, True, timeout=steps * app_settings.TOTP_PERIOD):
            raise SecondFactorAdapter().validation_error("incorrect_code")
        return code


class _ReadsAnything:
    """Refuses what is no answer of an authenticator: fido2 takes it apart without looking what it is."""

    def clean_credential(self) -> Authenticator:
        with _as_invalid():
            return super().clean_credential()  # type: ignore[misc]


@contextmanager
def _as_invalid() -> Iterator[None]:
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, ValidationError):
        raise SecondFactorAdapter().validation_error("wrong_passkey") from None


class AuthenticatePasskeyForm(_ReadsAnything, webauthn.AuthenticateWebAuthnForm):  # type: ignore[misc]
    """The passkey that a login asks for after the password."""


class LoginPasskeyForm(_ReadsAnything, webauthn.LoginWebAuthnForm):  # type: ignore[misc]
    """The passkey that is enough to log in."""


class ReauthenticatePasskeyForm(_ReadsAnything, webauthn.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """The passkey that a change of the account asks for."""


class AuthenticateForm(_UsableOnce, InOurWords, base.AuthenticateForm):  # type: ignore[misc]
    """The code that a login asks for."""

    labels = {"code": "Code"}
    help_texts = {"code": "From your authenticator app, or one of your recovery codes."}


class ReauthenticateForm(_UsableOnce, InOurWords, base.ReauthenticateForm):  # type: ignore[misc]
    """The code that a change of the account asks for."""

    labels = {"code": "Code"}
    help_texts = {"code": "From your authenticator app, or one of your recovery codes."}


class ActivateTotpForm(InOurWords, totp.ActivateTOTPForm):  # type: ignore[misc]
    """The first code of an app, which shows that it was set up."""

    labels = {"code": "Code that the app shows"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs["inputmode"] = "numeric"


class AddPasskeyForm(InOurWords, webauthn.AddWebAuthnForm):  # type: ignore[misc]
    """What a passkey is called, and whether it is enough to log in with."""

    labels = {"name": "Name", "passwordless": "Log in with it alone, without the password"}
    help_texts = {"name": "To tell it from others: the device that it is on, say."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["passwordless"].initial = True

    def clean(self) -> dict[str, Any]:
        """Check what the authenticator answered."""
        with _as_invalid():
            cleaned: dict[str, Any] = super().clean()
        return cleaned


class RenamePasskeyForm(InOurWords, webauthn.EditWebAuthnForm):  # type: ignore[misc]
    """Another name for a passkey."""

    labels = {"name": "Name"}
