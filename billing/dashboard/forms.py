"""The forms of the billing pages. They check what was typed; what it means is decided where it is done."""

from decimal import Decimal
from typing import Any

from django import forms
from django.forms.models import model_to_dict

from accounts.dashboard.listings import made_on
from accounts.models import Organisation, Region
from billing import auto_reload, catalogue, details
from billing.models import AutoReload, BillingDetails, CreditPack, LedgerEntry
from zupertry.core.money import format_count, format_minor

DECIMALS = 2
"""Of every currency that we take: a hundred paise are a rupee, a hundred cents a dollar or a euro."""


class PurchaseForm(forms.Form):
    """Which pack to buy, and whether to keep what it is paid with. `token` makes a form sent twice one purchase."""

    pack = forms.CharField(max_length=40, error_messages={"required": "Choose one of the packs."})
    keep = forms.BooleanField(required=False)
    token = forms.RegexField(r"^[A-Za-z0-9_-]{16,24}$", error_messages={"required": "Load the page again."})

    def key(self) -> str:
        """Return what tells this purchase from others: another pack chosen after going back is another purchase."""
        return f"{self.cleaned_data['token']}.{self.cleaned_data['pack']}"


class DetailsForm(forms.Form):
    """Whom invoices are for. `billing.details` checks what was typed, by where the organisation is billed.

    Until that is told, the form suggests what is known: the organisation's name and country, and the person's `email`.
    """

    legal_name = forms.CharField(label="Legal name", required=False)
    email = forms.CharField(label="E-mail for receipts", required=False)
    phone = forms.CharField(label="Phone (optional)", required=False)
    address = forms.CharField(label="Address", required=False)
    city = forms.CharField(label="City", required=False)
    postal_code = forms.CharField(label="Postal code", required=False)
    state = forms.CharField(label="State or region (optional)", required=False)
    country = forms.CharField(label="Country", required=False)
    tax_id = forms.CharField(label="Tax number (optional)", required=False)

    def __init__(self, organisation: Organisation, email: str, data: Any = None) -> None:
        saved = BillingDetails.objects.filter(organisation=organisation).first()
        known = {"legal_name": organisation.name, "email": email, "country": _home(organisation)}
        super().__init__(data, initial=model_to_dict(saved) if saved else known)
        for name, (widget, attributes) in _WIDGETS.items():
            self.fields[name].widget = widget(attributes)
        self.fields["country"].widget = forms.Select(choices=details.country_choices())
        self.fields["country"].widget.attrs["autocomplete"] = "country"
        _ADAPT.get(Region(organisation.region), _adapt_nothing)(self)


_WIDGETS: dict[str, tuple[type[forms.Widget], dict[str, Any]]] = {
    "legal_name": (forms.TextInput, {"autocomplete": "organization"}),
    "email": (forms.EmailInput, {"autocomplete": "email"}),
    "phone": (forms.TextInput, {"type": "tel", "autocomplete": "tel"}),
    "address": (forms.Textarea, {"rows": 2, "autocomplete": "street-address"}),
    "city": (forms.TextInput, {"autocomplete": "address-level2"}),
    "postal_code": (forms.TextInput, {"autocomplete": "postal-code"}),
    "state": (forms.TextInput, {"autocomplete": "address-level1"}),
    "tax_id": (forms.TextInput, {"autocapitalize": "characters", "spellcheck": "false"}),
}


def _home(organisation: Organisation) -> str:
    of_region = {Region.INDIA: "IN", Region.UNITED_STATES: "US"}.get(Region(organisation.region), "")
    return of_region or organisation.country


def _adapt_to_india(form: DetailsForm) -> None:
    form.fields["state"].widget = forms.Select(choices=[("", "Choose a state"), *details.STATES])
    form.fields["state"].label = "State"
    form.fields["state"].help_text = "It decides which GST is due."
    form.fields["postal_code"].label = "PIN code"
    form.fields["phone"].label = "Phone"
    form.fields["phone"].help_text = "Razorpay asks for one with every payment."
    form.fields["tax_id"].label = "GSTIN (optional)"
    form.fields["tax_id"].help_text = "For tax invoices that you claim the GST of."


def _adapt_to_europe(form: DetailsForm) -> None:
    form.fields["tax_id"].label = "VAT number (optional)"
    form.fields["tax_id"].help_text = "With its country code, such as DE136695976."


def _adapt_to_united_states(form: DetailsForm) -> None:
    form.fields["state"].label = "State (optional)"
    form.fields["postal_code"].label = "ZIP code"


def _adapt_nothing(form: DetailsForm) -> None:
    """Elsewhere the general words do."""


_ADAPT = {
    Region.INDIA: _adapt_to_india,
    Region.EUROPE: _adapt_to_europe,
    Region.UNITED_STATES: _adapt_to_united_states,
}


class AutoReloadForm(forms.Form):
    """When to buy by itself, what, and for how much in a month at most."""

    threshold = forms.IntegerField(
        label="Buy when fewer credits are left than",
        min_value=1,
        max_value=10_000_000,
        error_messages={"required": "Give a number of credits."},
    )
    pack = forms.ChoiceField(label="Pack to buy")
    monthly_cap = forms.DecimalField(
        min_value=Decimal(1),
        max_value=Decimal(1_000_000_000),
        decimal_places=DECIMALS,
        error_messages={"required": "Give a sum."},
    )

    def __init__(self, organisation: Organisation, data: Any = None) -> None:
        self.packs = auto_reload.packs_for(organisation)
        super().__init__(data, initial=_present(organisation, self.packs))
        currency = organisation.currency
        self.fields["pack"].choices = [(pack.id, describe(pack)) for pack in self.packs]  # type: ignore[attr-defined]
        self.fields["monthly_cap"].label = f"Most to spend in a month ({currency})"
        self.fields[
            "monthly_cap"
        ].help_text = (
            "A calendar month in UTC, tax included. When it is reached, nothing more is bought until the next."
        )
        suggested = format_count(auto_reload.suggested_threshold(organisation), currency)
        self.fields[
            "threshold"
        ].help_text = f"We suggest {suggested}: three days of what you used in the last week, at least 10."

    def chosen_pack(self) -> CreditPack:
        """Return the pack that was chosen."""
        return next(pack for pack in self.packs if pack.id == self.cleaned_data["pack"])

    def monthly_cap_minor(self) -> int:
        """Return the cap in minor units."""
        return int(self.cleaned_data["monthly_cap"].scaleb(DECIMALS))


def describe(pack: CreditPack) -> str:
    """Return a pack in words: `500 credits for €65.00`."""
    price = format_minor(catalogue.quote(pack).amount_minor, pack.currency)
    return f"{format_count(pack.credits, pack.currency)} credits for {price}"


def _present(organisation: Organisation, packs: list[CreditPack]) -> dict[str, Any]:
    """Return what is set now; before anything is, the suggested threshold and a cap of four of the smallest pack."""
    reload = AutoReload.objects.filter(organisation=organisation).first()
    if reload:
        cap_minor, pack_id, threshold = reload.monthly_cap_minor, reload.pack_id, reload.threshold
    else:
        threshold = auto_reload.suggested_threshold(organisation)
        pack_id = packs[0].id if packs else ""
        cap_minor = 4 * catalogue.quote(packs[0]).amount_minor if packs else 0
    return {"threshold": threshold, "pack": pack_id, "monthly_cap": Decimal(cap_minor).scaleb(-DECIMALS)}


class LedgerFilter(forms.Form):
    """Which entries of the ledger to show. Days are UTC's, both included."""

    kind = forms.ChoiceField(required=False, choices=[("", "Every kind"), *LedgerEntry.Kind.choices])
    since = forms.DateField(required=False, label="From", widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    reference = forms.CharField(
        required=False,
        max_length=100,
        strip=True,
        widget=forms.TextInput({"placeholder": "Job or payment id", "spellcheck": "false"}),
    )

    def conditions(self) -> dict[str, Any]:
        """Return what a row must fulfil, as Django's filter takes it. What was typed wrong filters nothing out."""
        given = self.cleaned_data
        wanted = {
            "kind": given.get("kind"),
            "reference": given.get("reference"),
        }
        days = made_on("led", given.get("since"), given.get("until"))
        return {name: value for name, value in wanted.items() if value} | days
