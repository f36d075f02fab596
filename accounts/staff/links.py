"""Links from one row's page to another's."""

from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


def link_to(row: Model) -> SafeString:
    """Return a link to a row's own page, named as the row is; its name alone where staff's site has no such page."""
    name = format_html("<code>{}</code>" if str(row) == str(row.pk) else "{}", row)
    try:
        page = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[quote(row.pk)])
    except NoReverseMatch:
        return name
    return format_html('<a href="{}">{}</a>', page, name)
