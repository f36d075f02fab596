"""A person's own account: name, address and password, and where they are logged in."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.dashboard import sessions
from accounts.dashboard.access import person_view
from accounts.dashboard.forms import ProfileForm
from accounts.models import User


@require_http_methods(["GET", "HEAD", "POST"])
@person_view
def profile(request: HttpRequest) -> HttpResponseBase:
    """`/dashboard/account`: the person's name, and the ways to change address and password."""
    person = _person(request)
    form = ProfileForm(request.POST or None, initial={"name": person.name})
    if form.is_valid():
        User.objects.filter(pk=person.pk).update(name=form.cleaned_data["name"])
        messages.success(request, "Your name is saved.")
        return redirect("profile")
    return render(request, "account/profile.html", {"form": form})


@require_safe
@person_view
def session_list(request: HttpRequest) -> HttpResponseBase:
    """`GET /dashboard/account/sessions`: where the person is logged in."""
    found = sessions.open_sessions(_person(request), request.session.session_key)
    return render(request, "usersessions/sessions.html", {"sessions": found})


@require_POST
@person_view
def end_sessions(request: HttpRequest) -> HttpResponseBase:
    """`POST /dashboard/account/sessions/end`: log out elsewhere; in one place, when `session` names it."""
    chosen = request.POST.get("session", "")
    only = int(chosen) if chosen.isdecimal() and len(chosen) < len(str(2**63)) else None
    if chosen and only is None:
        return redirect("usersessions_list")
    ended = sessions.end_others(_person(request), request.session.session_key, only)
    if ended:
        messages.success(request, f"Logged out in {ended} other place{'s' if ended > 1 else ''}.")
    return redirect("usersessions_list")


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)
