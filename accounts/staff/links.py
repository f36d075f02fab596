"""How staff's pages lead from one thing to another."""

from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


def link_to(row: Model | None, text: str = "") -> SafeString:
    """Return a link to a row's page, or its name alone where its table has no pages. A row named by its id is code."""
    if row is None:
        return SafeString("")
    name = text or str(row)
    shown = format_html("<code>{}</code>", name) if name == row.pk else format_html("{}", name)
    try:
        address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return shown
    return format_html('<a href="{}">{}</a>', address, shown)
