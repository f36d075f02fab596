"""How staff's pages lead from one thing to another."""

from urllib.parse import urlencode

from django.apps import apps
from django.contrib.admin import site
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.staff.cells import code
from zupertry.core import ids


def link_to(row: Model | None, text: str = "") -> SafeString:
    """Return a link to a row's page, or its name alone where its table has no pages. A row named by its id is code."""
    if row is None:
        return SafeString("")
    name = text or str(row)
    shown = code(name) if name == row.pk else format_html("{}", name)
    try:
        address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return shown
    return format_html('<a href="{}">{}</a>', address, shown)


def link_to_id(text: str) -> SafeString:
    """Return a link to the page of the row with this id; the text alone where that is not for certain one of ours.

    Ledgers and logs know rows by their ids alone: no query is needed.
    """
    prefix = text.partition("_")[0]
    pages = _pages(prefix) if ids.is_id(prefix, text) else []
    if len(pages) != 1:
        return code(text)
    return format_html('<a href="{}">{}</a>', reverse(pages[0], args=[text]), code(text))


def link_to_actor(actor: str) -> SafeString:
    """Return who did something (`user:…`, `key:…`, `staff:…`, `system`), with a link to them."""
    kind, colon, id_ = actor.partition(":")
    return format_html("{} {}", kind, link_to_id(id_)) if colon else format_html("{}", actor)


def listing_of(model: type[Model], **query: str) -> str:
    """Return the address of a table's listing, narrowed by a query; empty where the table has no pages."""
    try:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    except NoReverseMatch:
        return ""
    return f"{address}?{urlencode(query)}"


def link_to_listing(model: type[Model], words: str, **query: str) -> SafeString:
    """Return a link to the rows of a listing that have these values."""
    return format_html('<a href="{}">{}</a>', listing_of(model, **query), words)


def _pages(prefix: str) -> list[str]:
    """Return the names of the pages that rows with such ids have: two tables may share a prefix."""
    options = [model._meta for model in apps.get_models() if site.is_registered(model)]
    return [
        f"admin:{each.app_label}_{each.model_name}_change"
        for each in options
        if isinstance(each.pk, ids.IdField) and each.pk.prefix == prefix
    ]
