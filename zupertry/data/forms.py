"""The forms of an organisation's settings and of its deletion."""

from typing import Any

from django import forms

from zupertry.onboarding.forms import OnboardingForm


class NameForm(forms.Form):
    """The organisation's name."""

    name = forms.CharField(
        max_length=200,
        help_text="Colleagues see it, and it stands in mails. Invoices carry the name in the billing details.",
        error_messages={"required": "Give the organisation's name."},
        widget=forms.TextInput({"autocomplete": "organization"}),
    )

    clean_name = OnboardingForm.clean_name


class ConfirmForm(forms.Form):
    """The name of what is to be deleted, typed by hand. `what` says what name that is."""

    name = forms.CharField(
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Type it, so that nothing is deleted by mistake."},
    )

    def __init__(self, what: str, name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name = name
        self.fields["name"].label = f"Type the {what}"
        self.fields["name"].help_text = f"It is: {name}"

    def clean_name(self) -> str:
        """Refuse another name than that."""
        typed: str = self.cleaned_data["name"]
        if " ".join(typed.split()) != " ".join(self._name.split()):
            raise forms.ValidationError("This is not it. Type it as it is written below.")
        return typed
