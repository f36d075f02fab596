"""What somebody new is asked."""

from django import forms

from billing.details import country_choices


class OnboardingForm(forms.Form):
    """The organisation's name and country."""

    name = forms.CharField(
        label="Organisation",
        max_length=200,
        help_text="Your shop or company, as colleagues know it.",
        error_messages={"required": "Give the organisation's name."},
        widget=forms.TextInput({"autocomplete": "organization"}),
    )
    country = forms.ChoiceField(
        label="Country",
        choices=country_choices,
        help_text="It decides the currency: rupees in India, euros in the European Union, US dollars elsewhere. "
        "Only our staff can change it later.",
        error_messages={"required": "Choose the country that you are billed in."},
        widget=forms.Select({"autocomplete": "country"}),
    )

    def clean_name(self) -> str:
        """Keep the name in one line: it stands in the subjects of mails."""
        return " ".join(self.cleaned_data["name"].split())
