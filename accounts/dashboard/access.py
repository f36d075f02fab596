"""Who may see a page of the dashboard: people who are logged in, in the organisation that they have chosen."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

import structlog
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from accounts.models import Membership, Organisation, Role, User

AREAS = {
    "billing": frozenset({Role.OWNER, Role.ADMIN, Role.BILLING}),
    "developer": frozenset({Role.OWNER, Role.ADMIN, Role.DEVELOPER}),
    "workspace": frozenset({Role.OWNER, Role.ADMIN, Role.DEVELOPER}),
    "team": frozenset({Role.OWNER, Role.ADMIN}),
    "audit": frozenset({Role.OWNER, Role.ADMIN}),
    "playground": frozenset({Role.OWNER, Role.ADMIN, Role.DEVELOPER}),
    "settings": frozenset({Role.OWNER, Role.ADMIN}),
    "ownership": frozenset({Role.OWNER}),
}
"""Who may see and change each part of the dashboard that is not for everyone."""

CHOSEN = "organisation"
"""Where the session keeps the id of the organisation that was chosen last."""

P = ParamSpec("P")
View = Callable[..., HttpResponseBase]


class MemberRequest(HttpRequest):
    """A request by a member: in which organisation, as what, which others there are, and which areas are open to them.

    `actor` is how the person is named in ledgers and logs.
    """

    user: User
    actor: str
    organisation: Organisation
    membership: Membership
    memberships: list[Membership]
    areas: frozenset[str]


def member_view(area: str = "") -> Callable[[Callable[Concatenate[MemberRequest, P], HttpResponseBase]], View]:
    """Give a view the visitor's organisation; send strangers to the login, and refuse (403) who may not see `area`.

    Who belongs to no organisation is sent to the onboarding, to make one, and staff to their own site. Answers are kept
    by no cache, so that after a logout the back button shows nothing.
    """

    def decorate(view: Callable[Concatenate[MemberRequest, P], HttpResponseBase]) -> View:
        @never_cache
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_login(request)
            member = cast(MemberRequest, request)
            if not _enter(member):
                return redirect("admin:index" if member.user.is_staff else "onboarding")
            if area and area not in member.areas:
                return _refuse(member, area)
            return view(member, *args, **kwargs)

        return answer

    return decorate


def person_view(view: View) -> View:
    """Show a view of the visitor's own account amid the organisation that they are in, if any; no cache keeps it."""

    @never_cache
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_login(request)
        _enter(cast(MemberRequest, request))
        return view(request, *args, **kwargs)

    return answer


def enter(request: MemberRequest, organisation_id: str) -> bool:
    """Go on in this organisation, now and from now on; False when the person is no member of it."""
    membership = next((m for m in request.memberships if m.organisation_id == organisation_id), None)
    if membership is None:
        return False
    request.session[CHOSEN] = organisation_id
    _be_in(request, membership)
    return True


def organisation_of(request: HttpRequest) -> Organisation | None:
    """Return the organisation that the visitor of a public page would be in; None for strangers.

    Who has no session is a stranger without a query. The answer varies by cookie then, which the middleware tells.
    """
    if not request.user.is_authenticated:
        return None
    member = cast(MemberRequest, request)
    return member.organisation if _enter(member) else None


def organisations_with(request: MemberRequest, area: str) -> list[str]:
    """Return the ids of the person's organisations in which they may see this area."""
    return [m.organisation_id for m in request.memberships if m.role in AREAS[area]]


def _refuse(request: MemberRequest, what: str) -> HttpResponse:
    """Answer 403 with a page that says why and whom to ask: the owners by name, for not everybody sees the team."""
    allowed = [role.label.lower() for role in Role if role in AREAS.get(what, ())]
    of_here = User.objects.filter(
        is_active=True, memberships__organisation=request.organisation, memberships__role=Role.OWNER
    )
    context = {"area": what, "allowed": allowed, "owners": of_here.order_by("pk")}
    return render(request, "dashboard/forbidden.html", context, status=403)


def _to_login(request: HttpRequest) -> HttpResponseBase:
    """Lead to the login and from there back here; but not to what takes a form, which is gone by then.

    A part of a page that looks again has the whole page reloaded, and led there.
    """
    if "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return redirect_to_login(request.get_full_path() if request.method in {"GET", "HEAD"} else reverse("dashboard"))


def _enter(request: MemberRequest) -> bool:
    """Be in the organisation that was chosen last, else the oldest; False for a person who belongs to none."""
    memberships = Membership.objects.filter(user=request.user).select_related("organisation").order_by("pk")
    request.memberships = list(memberships)
    request.actor = f"user:{request.user.id}"
    if not request.memberships:
        return False
    chosen = request.session.get(CHOSEN)
    _be_in(request, next((m for m in request.memberships if m.organisation_id == chosen), request.memberships[0]))
    return True


def _be_in(request: MemberRequest, membership: Membership) -> None:
    request.membership, request.organisation = membership, membership.organisation
    structlog.contextvars.bind_contextvars(org=membership.organisation_id, actor=request.actor)
    request.areas = frozenset(area for area, roles in AREAS.items() if membership.role in roles)
