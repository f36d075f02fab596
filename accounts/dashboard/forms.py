"""The forms of logging in and of a person's own account: django-allauth's, in our words, with labels as labels."""

from collections.abc import Mapping
from typing import Any, ClassVar

from allauth.account import forms as allauth
from django import forms
from django.db import transaction
from django.http import HttpRequest

from accounts.models import User

PASSWORD_RULE = "At least 8 characters, and none of the common ones."  # noqa: S105 a text, no password


class InOurWords:
    """Names the fields of one of allauth's forms."""

    labels: ClassVar[Mapping[str, str]]
    help_texts: ClassVar[Mapping[str, str]] = {}
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in self.labels.items():
            field = self.fields[name]
            field.label, field.help_text = label, self.help_texts.get(name, "")
            field.widget.attrs.pop("placeholder", None)


class LoginForm(InOurWords, allauth.LoginForm):  # type: ignore[misc]
    """Address and password."""

    labels = {"login": "E-mail", "password": "Password"}


class SignupForm(InOurWords, allauth.SignupForm):  # type: ignore[misc]
    """Who wants an account."""

    labels = {"email": "Work e-mail", "password1": "Password"}
    help_texts = {"password1": PASSWORD_RULE}

    def save(self, request: HttpRequest) -> User:
        """Make the person together with the entry that says that the address is not verified: never one of the two."""
        with transaction.atomic():
            user: User = super().save(request)
        return user


class EmailCodeForm(InOurWords, allauth.ConfirmEmailVerificationCodeForm):  # type: ignore[misc]
    """The code that was mailed."""

    labels = {"code": "Code"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs |= {"inputmode": "numeric", "autofocus": True}


class ChangeEmailForm(InOurWords, allauth.AddEmailForm):  # type: ignore[misc]
    """Another address to log in with."""

    labels = {"email": "New e-mail"}


class ChangePasswordForm(InOurWords, allauth.ChangePasswordForm):  # type: ignore[misc]
    """The present password, and the new one twice."""

    labels = {"oldpassword": "Present password", "password1": "New password", "password2": "New password again"}
    help_texts = {"password1": PASSWORD_RULE}


class SetPasswordForm(InOurWords, allauth.SetPasswordForm):  # type: ignore[misc]
    """A first password, twice."""

    labels = {"password1": "New password", "password2": "New password again"}
    help_texts = {"password1": PASSWORD_RULE}


class ReauthenticateForm(InOurWords, allauth.ReauthenticateForm):  # type: ignore[misc]
    """The password, before something that matters."""

    labels = {"password": "Password"}


class ResetPasswordForm(InOurWords, allauth.ResetPasswordForm):  # type: ignore[misc]
    """Whose password is forgotten."""

    labels = {"email": "E-mail"}


class ResetPasswordKeyForm(InOurWords, allauth.ResetPasswordKeyForm):  # type: ignore[misc]
    """The new password, twice."""

    labels = {"password1": "New password", "password2": "New password again"}
    help_texts = {"password1": PASSWORD_RULE}


class ProfileForm(forms.Form):
    """What colleagues see of a person."""

    name = forms.CharField(
        label="Your name",
        required=False,
        max_length=200,
        help_text="Colleagues see it where you did something. Without it they see your e-mail address.",
        widget=forms.TextInput({"autocomplete": "name"}),
    )
