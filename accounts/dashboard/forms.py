"""The forms of the login pages: django-allauth's, in our words, with labels in place of placeholders."""

from typing import Any

from allauth.account import forms as allauth
from django import forms


def _in_our_words(form: forms.Form, labels: dict[str, str], **help_texts: str) -> None:
    for name, label in labels.items():
        field = form.fields[name]
        field.label, field.help_text = label, help_texts.get(name, "")
        field.widget.attrs.pop("placeholder", None)


class LoginForm(allauth.LoginForm):  # type: ignore[misc]
    """Address and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _in_our_words(self, {"login": "E-mail", "password": "Password"})


class ResetPasswordForm(allauth.ResetPasswordForm):  # type: ignore[misc]
    """Whose password is forgotten."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _in_our_words(self, {"email": "E-mail"})


class ResetPasswordKeyForm(allauth.ResetPasswordKeyForm):  # type: ignore[misc]
    """The new password, twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = {"password1": "New password", "password2": "New password again"}
        _in_our_words(self, labels, password1="At least 8 characters, and none of the common ones.")
