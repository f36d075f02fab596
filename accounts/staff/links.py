"""How one page of staff's leads to another."""

from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


def link_to(row: Model) -> SafeString:
    """Return a link to a row's page; its name alone where it has none. An id is set in monospace."""
    name = format_html("<code>{}</code>", row.pk) if str(row) == str(row.pk) else format_html("{}", row)
    try:
        address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return name
    return format_html('<a href="{}">{}</a>', address, name)
