"""Staff's site, and its door: the one login that there is, with a second factor, for 12 hours."""

import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from accounts.staff.finding import without_keys

SESSION = timedelta(hours=12)
"""How long after a login staff are let in."""


class StaffSite(AdminSite):
    """Django's admin for staff whose session began with a second factor, not too long ago."""

    site_header = "Zupertry staff"
    site_title = "Zupertry staff"
    index_title = "Customers, money and work"
    index_template = "admin/front.html"
    empty_value_display = "none"

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Keep whole API keys out of addresses, the login's way back among them."""
        return without_keys(super().admin_view(view, cacheable))

    def has_permission(self, request: HttpRequest) -> bool:
        """Say whether the visitor may be here at all."""
        return _is_staff(request) and _is_recent(request) and _used_second_factor(request)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show how the service does, and the way to every table."""
        from zupertry.staff.front import front  # models are there only once the site has been made

        return super().index(request, {"front": front(), **(extra_context or {})})

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseRedirect:
        """Lead to what is missing: a login, a second factor, or this session's proof of it. Refuse who is no staff."""
        del extra_context
        back = _back_to(request)
        if not request.user.is_authenticated:
            return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode({'next': back})}")
        if not _is_staff(request):
            raise PermissionDenied
        if not _is_recent(request):
            logout(request)
            messages.info(request, "Staff are logged out after 12 hours. Log in again.")
            return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode({'next': back})}")
        if not is_mfa_enabled(request.user):
            messages.warning(request, "Staff need a second factor. Set up an authenticator app or a passkey first.")
            return HttpResponseRedirect(f"{reverse('mfa_index')}?{urlencode({'next': back})}")
        if not _used_second_factor(request):
            return HttpResponseRedirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': back})}")
        return HttpResponseRedirect(back)

    @method_decorator(never_cache)
    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Log out, and show the login."""
        del extra_context
        logout(request)
        return redirect("account_login")

    @method_decorator(never_cache)
    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Lead to the page of the account where passwords are changed."""
        del request, extra_context
        return redirect("account_change_password")


def _is_staff(request: HttpRequest) -> bool:
    return bool(request.user.is_active and getattr(request.user, "is_staff", False))


def _is_recent(request: HttpRequest) -> bool:
    """Say whether the session's login was within the last 12 hours."""
    records = get_authentication_records(request, request.user)
    return bool(records) and min(record["at"] for record in records) > time.time() - SESSION.total_seconds()


def _used_second_factor(request: HttpRequest) -> bool:
    records = get_authentication_records(request, request.user)
    return any(record["method"] == "mfa" for record in records)


def _back_to(request: HttpRequest) -> str:
    """Return where the visitor was going, if that is here."""
    wanted = request.GET.get("next", "")
    here = reverse("admin:index")
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith(here)
    return wanted if safe and not wanted.startswith(reverse("admin:login")) else here
