"""Who buys, with what, and by itself or not."""

from django.contrib import admin
from django.utils.safestring import SafeString

from accounts.staff.admin import ReadOnlyAdmin
from accounts.staff.links import link_to, link_to_listing
from billing.models import AutoReload, BillingDetails, Payment, PaymentMethod
from zupertry.core.money import format_count, format_minor


class BillingDetailsAdmin(ReadOnlyAdmin):
    """Whom invoices are for, the newest organisations first."""

    list_display = ["legal_name", "customer", "country", "tax_id", "email"]
    list_select_related = ["organisation"]
    ordering = ["-pk"]
    search_fields = ["organisation"]
    ids_searched = {"organisation": "org"}
    search_help_text = "Id of an organisation, in full."
    readonly_fields = ["payments"]

    @admin.display(description="organisation")
    def customer(self, details: BillingDetails) -> SafeString:
        """Whose they are."""
        return link_to(details.organisation)

    @admin.display
    def payments(self, details: BillingDetails) -> SafeString:
        """What it paid."""
        return link_to_listing(Payment, "Payments", organisation=details.pk)


class PaymentMethodAdmin(ReadOnlyAdmin):
    """What buyers chose to keep."""

    list_display = ["__str__", "customer", "status", "is_default", "gateway", "reference", "expires_on"]
    list_filter = ["status", "gateway"]
    list_select_related = ["organisation"]
    ordering = ["-pk"]
    search_fields = ["id", "reference", "organisation"]
    ids_searched = {"id": "pm", "organisation": "org"}
    search_help_text = "The gateway's reference (pm_…, token_…) or the id of an organisation, in full."

    @admin.display(description="organisation")
    def customer(self, method: PaymentMethod) -> SafeString:
        """Who keeps it."""
        return link_to(method.organisation)


class AutoReloadAdmin(ReadOnlyAdmin):
    """Who buys credits by itself, and why somebody does not any more: first those whose charges fail."""

    list_display = ["customer", "enabled", "threshold", "buys", "failures_in_a_row", "claimed_at", "off_because"]
    list_display_links = ["threshold"]
    list_filter = ["enabled"]
    list_select_related = ["organisation", "pack"]
    ordering = ["-failures_in_a_row", "pk"]
    search_fields = ["organisation"]
    ids_searched = {"organisation": "org"}
    search_help_text = "Id of an organisation, in full."
    readonly_fields = ["charges"]

    @admin.display
    def charges(self, reload: AutoReload) -> SafeString:
        """What it bought, or tried to."""
        query = {"organisation": reload.pk, "purpose__exact": Payment.Purpose.AUTO_RELOAD.value}
        return link_to_listing(Payment, "Payments by auto-reload", **query)

    @admin.display(description="organisation")
    def customer(self, reload: AutoReload) -> SafeString:
        """Whose it is."""
        return link_to(reload.organisation)

    @admin.display(description="buys")
    def buys(self, reload: AutoReload) -> str:
        """The pack, in words."""
        pack = reload.pack
        credits_, price = format_count(pack.credits, pack.currency), format_minor(pack.price_minor, pack.currency)
        return f"{credits_} credits for {price}"

    @admin.display(description="switched off because")
    def off_because(self, reload: AutoReload) -> str:
        """Why it is off, if it was not a person who switched it."""
        return reload.switched_off_because
