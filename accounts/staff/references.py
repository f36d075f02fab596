"""Links to rows of which only the id is known, as ledgers and logs know them: no query is needed."""

from django.apps import apps
from django.contrib.admin import site
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from zupertry.core import ids


def link_to_id(text: str) -> SafeString:
    """Return a link to the page of the row with this id; the text alone where that is not for certain one of ours."""
    prefix = text.partition("_")[0]
    code = format_html("<code>{}</code>", text)
    pages = _pages(prefix) if ids.is_id(prefix, text) else []
    return format_html('<a href="{}">{}</a>', reverse(pages[0], args=[text]), code) if len(pages) == 1 else code


def link_to_actor(actor: str) -> SafeString:
    """Return who did something (`user:…`, `key:…`, `staff:…`, `system`), with a link to them."""
    kind, colon, id_ = actor.partition(":")
    return format_html("{} {}", kind, link_to_id(id_)) if colon else format_html("{}", actor)


def _pages(prefix: str) -> list[str]:
    """Return the names of the pages that rows with such ids have: two tables may share a prefix."""
    options = [model._meta for model in apps.get_models() if site.is_registered(model)]
    return [
        f"admin:{each.app_label}_{each.model_name}_change"
        for each in options
        if isinstance(each.pk, ids.IdField) and each.pk.prefix == prefix
    ]
