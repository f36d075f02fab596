"""Searching without keys in addresses: what is typed is posted, and a key becomes its id before it is looked for.

Addresses are kept by browsers, proxies and logs, so a key that a customer sent and staff paste must never be in one.
"""

import re
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from accounts import api_keys

if TYPE_CHECKING:  # Django's classes take type arguments in their stubs only
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

WHOLE_KEY = re.compile(r"zt_(?:live|test)_sk_[0-9A-Za-z]{5,}")
SHOWN_KEY = re.compile(r"(?:zt_(live|test)_sk_)?(…|\.\.\.)?([0-9A-Za-z]{4})")
"""A key as pages show it (`zt_live_sk_…abcd`), or less of it."""

View = Callable[..., HttpResponseBase]


def as_last_four(term: str) -> Q | None:
    """Return the condition on keys that a term means which shows a key's end; None: it shows none."""
    match = SHOWN_KEY.fullmatch(term)
    if not match:
        return None
    mode, _, last_four = match.groups()
    return Q(last_four=last_four, mode=mode) if mode else Q(last_four=last_four)


def without_keys(view: View) -> View:
    """Answer a request whose address holds a whole key by leading away from that address."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        kept = QueryDict(mutable=True)
        for name, values in request.GET.lists():
            kept.setlist(name, [value for value in values if not WHOLE_KEY.search(value)])
        query = kept.urlencode()
        if query == request.GET.urlencode():
            return view(request, *args, **kwargs)
        messages.error(
            request,
            "A whole API key stood in the address, which browsers and proxies keep. Have the key revoked. "
            "Keys are searched for by their last four characters.",
        )
        return HttpResponseRedirect(f"{request.path}?{query}" if query else request.path)

    return guarded


class SearchedByPost(_ModelAdmin):
    """Mixed into listings: their search form posts to `find/`, which leads back with what is searched for."""

    @property
    def find_address(self) -> str:
        """Where the search form posts to."""
        return reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_find")

    def get_urls(self) -> list[URLPattern]:
        """Add what the search form posts to."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_find"
        return [path("find/", self.admin_site.admin_view(require_POST(self.find_view)), name=name), *super().get_urls()]

    def find_view(self, request: HttpRequest) -> HttpResponseRedirect:
        """Lead to the listing. A whole key is looked up by its digest, and searched for by its id."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        query = request.POST.copy()
        query.pop("csrfmiddlewaretoken", None)
        query["q"] = self._harmless(request, query.get("q", "").strip())
        listing = reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return HttpResponseRedirect(f"{listing}?{query.urlencode()}")

    def _harmless(self, request: HttpRequest, term: str) -> str:
        if not (whole := WHOLE_KEY.search(term)):
            return term
        if key := api_keys.find(whole[0]):
            told = "This is the whole key. Whoever sent it to us has given it away: it should be revoked."
            messages.warning(request, told)
            return key.id
        messages.error(request, "No key is exactly this. Search by the last four characters.")
        return ""
