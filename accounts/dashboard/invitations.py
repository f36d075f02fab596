"""The page that an invitation's mail leads to. The token is in the query, which no log of ours has."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import team
from accounts.dashboard.access import CHOSEN
from accounts.dashboard.settings_forms import JoinForm
from accounts.models import Invitation, Membership, User
from zupertry.core.errors import Refusal


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def invitation(request: HttpRequest) -> HttpResponseBase:
    """`GET invitation?token=…`: who invites whom as what; `POST`: accept, with an account made now if there is none."""
    found = team.find(request.GET.get("token", ""))
    if found is None:
        return render(request, "dashboard/team/invitation_over.html", status=404)
    if request.user.is_authenticated:
        return _as_known(request, found, request.user)
    if User.objects.filter(email__iexact=found.email).exists():
        return render(request, "dashboard/team/invitation.html", {"invitation": found, "needs_login": True})
    return _as_new(request, found)


def _as_known(request: HttpRequest, found: Invitation, user: User) -> HttpResponse:
    """Let somebody who is logged in accept, if it is their address that was invited."""
    if request.method == "POST":
        try:
            return _joined(request, team.accept(found, user))
        except Refusal as refusal:
            messages.error(request, refusal.message)
            return redirect(request.get_full_path())
    context = {"invitation": found, "is_other": user.email.lower() != found.email}
    return render(request, "dashboard/team/invitation.html", context)


def _as_new(request: HttpRequest, found: Invitation) -> HttpResponse:
    """Let somebody who has no account choose a password, and be logged in."""
    form = JoinForm(found, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            membership = team.accept_as_new(found, form.cleaned_data["name"], form.cleaned_data["password"])
        except Refusal:
            return redirect(request.get_full_path())  # the page there says what became of it meanwhile
        login(request, membership.user, backend=settings.AUTHENTICATION_BACKENDS[0])
        return _joined(request, membership)
    context = {"invitation": found, "form": form}
    return render(request, "dashboard/team/invitation.html", context, status=422 if form.errors else 200)


def _joined(request: HttpRequest, membership: Membership) -> HttpResponse:
    request.session[CHOSEN] = membership.organisation_id
    messages.success(request, f"You are in {membership.organisation.name} as {membership.get_role_display().lower()}.")
    return redirect("dashboard")
