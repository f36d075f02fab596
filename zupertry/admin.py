"""Staff's pages that need several apps at once."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from accounts.models import Organisation
from billing import catalogue
from billing.models import Plan
from zupertry.staff import schedule

if TYPE_CHECKING:  # Django's classes take type arguments in their stubs only
    _ModelAdmin = admin.ModelAdmin[Organisation]
    _ModelForm = forms.ModelForm[Organisation]
else:
    _ModelAdmin, _ModelForm = admin.ModelAdmin, forms.ModelForm


class OrganisationForm(_ModelForm):
    """What staff change of an organisation: its plan, with a reason."""

    plan = forms.ModelChoiceField(Plan.objects.order_by("code"), empty_label=None)
    reason = forms.CharField(max_length=300, help_text="Why, for the audit log.")

    class Meta:
        model = Organisation
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["plan"] = self.instance.plan


@admin.register(Organisation)
class OrganisationAdmin(_ModelAdmin):
    """Customers, and the plans that they are on."""

    form = OrganisationForm
    fields = ["id", "name", "region", "suspended_at", "deletion_due_at", "deleted_at", "plan", "reason"]
    readonly_fields = ["id", "name", "region", "suspended_at", "deletion_due_at", "deleted_at"]
    list_display = ["name", "plan", "region", "suspended_at", "created_at"]
    list_filter = ["plan", "region"]
    ordering = ["-pk"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let organisations sign up, or be made by `bootstrap_org`."""
        del request
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Keep organisations, whose ledger and invoices stay."""
        del request, obj
        return False

    def save_model(self, request: HttpRequest, obj: Organisation, form: Any, change: bool) -> None:
        """Move the organisation, and write down who did it and why."""
        del change
        actor = f"staff:{request.user.pk}"
        catalogue.move(obj, form.cleaned_data["plan"], actor=actor, reason=form.cleaned_data["reason"])


schedule.register(admin.site)
