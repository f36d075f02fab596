"""What is sold. Nothing of it is deleted, and what somebody may have seen at its price stays as it was."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts.models import Organisation
from accounts.staff.admin import ReasonedSaves, StaffAdmin
from accounts.staff.filters import StateFilter
from accounts.staff.links import link_to_listing
from billing import catalogue
from billing.models import CreditPack, Payment, Plan
from billing.staff.listing import links_to
from zupertry.core.money import format_count, format_minor


class PlanAdmin(ReasonedSaves, StaffAdmin):
    """Plans. Organisations hold a plan's code, so it never changes."""

    list_display = ["name", "code", "signup_credits"]
    ordering = ["code"]
    readonly_fields = ["packs", "organisations"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """Keep the code of a plan that is there."""
        return ["code", *self.readonly_fields] if obj else list(self.readonly_fields)

    @admin.display(description="packs on sale")
    def packs(self, plan: Plan) -> SafeString | str:
        """What its organisations are offered."""
        return links_to(catalogue.on_sale().filter(plan=plan).order_by("currency", "credits", "pk")) if plan.pk else ""

    @admin.display
    def organisations(self, plan: Plan) -> SafeString | str:
        """Who is on it."""
        return link_to_listing(Organisation, "Organisations on this plan", plan=plan.pk) if plan.pk else ""


class SaleFilter(StateFilter):
    """Whether packs are on sale now."""

    title = "sale"
    parameter_name = "sale"

    @classmethod
    def conditions(cls) -> dict[str, Q]:
        """Return what is on sale, is to come, and has ended."""
        now = timezone.now()
        ended = Q(active_until__lte=now)
        return {
            "on-sale": Q(active_from__lte=now) & ~ended,
            "to-come": Q(active_from__gt=now),
            "ended": ended,
        }


class CreditPackAdmin(ReasonedSaves, StaffAdmin):
    """Packs. One that has been on sale stays as it was, and only ends: any other change of it makes a new pack."""

    list_display = ["credits_sold", "price", "plan", "moves_to", "active_from", "active_until"]
    list_filter = [SaleFilter, "currency", "plan"]
    list_select_related = ["plan", "moves_to"]
    ordering = ["currency", "plan", "credits", "-pk"]
    readonly_fields = ["id", "created_at", "payments"]

    @admin.display(description="credits")
    def credits_sold(self, pack: CreditPack) -> str:
        """The credits, grouped."""
        return format_count(pack.credits, pack.currency)

    @admin.display(description="price before tax")
    def price(self, pack: CreditPack) -> str:
        """The price, with its currency."""
        return format_minor(pack.price_minor, pack.currency)

    @admin.display
    def payments(self, pack: CreditPack) -> SafeString | str:
        """Who bought it."""
        return link_to_listing(Payment, "Payments for this pack", pack=pack.pk) if not pack._state.adding else ""

    def save_model(self, request: HttpRequest, obj: CreditPack, form: Any, change: bool) -> None:
        """Save a pack, or put a new one in the place of one that has been on sale."""
        changed = set(form.changed_data) - {"active_until", "reason"}
        if not (change and changed and catalogue.is_settled(obj.pk)):
            super().save_model(request, obj, form, change)
            return
        before = obj.pk
        catalogue.replace(obj)
        self.record(request, obj, form, "replaced", replaces=before)
        note = "It has been on sale, so it ended as it was, and this is a new pack. Auto-reload with the old one stops."
        self.message_user(request, note, messages.WARNING)
