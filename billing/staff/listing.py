"""What listings of money share: a word at the top while something waits for staff."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts.staff.filters import StateFilter
from accounts.staff.links import link_to

if TYPE_CHECKING:  # Django's classes take type arguments in their stubs only
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

MOST_COUNTED = 100
"""How many waiting rows are counted at most."""
NONE = mark_safe("none")
"""What a page says where there is nothing, as the site does."""
MOST_LINKED = 50
"""How many related rows a page names; its listing has them all."""


class Waiting(_ModelAdmin):
    """Mixed into a listing of which some rows wait for staff: while there are any, it says so at the top."""

    change_list_template = "admin/billing/waiting.html"
    waiting_filter: type[StateFilter]
    waiting_state: str
    waiting_words: str
    """What follows the number: `are quarantined. …`"""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Count what waits, and lead to it."""
        condition = self.waiting_filter.conditions()[self.waiting_state]
        number = self.model._default_manager.filter(condition).order_by()[:MOST_COUNTED].count()
        context = {
            "waiting": f"{number}{' or more' if number == MOST_COUNTED else ''}" if number else "",
            "waiting_words": self.waiting_words,
            "waiting_url": f"?{self.waiting_filter.parameter_name}={self.waiting_state}",
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})


def links_to(rows: QuerySet[Any]) -> SafeString:
    """Return a list of links to rows, as far as a page names them."""
    links: list[str] = [link_to(row) for row in rows[: MOST_LINKED + 1]]
    if len(links) > MOST_LINKED:
        links[-1] = "and more"
    return format_html_join("", "<div>{}</div>", ((link,) for link in links)) or NONE


def elsewhere(address: str, words: str) -> SafeString:
    """Return a link to another site, which opens beside ours and learns nothing of it."""
    return format_html('<a href="{}" target="_blank" rel="noopener noreferrer">{} ↗</a>', address, words)
