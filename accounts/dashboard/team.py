"""The pages of the team: who is in it and as what, who is invited, who leaves."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import team
from accounts.dashboard.access import MemberRequest, member_view
from accounts.dashboard.listings import row_of
from accounts.dashboard.refusals import add_refusal
from accounts.dashboard.settings_forms import InvitationForm, RoleForm
from accounts.models import Invitation, Membership, Role
from zupertry.core import ids
from zupertry.core.errors import Refusal


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("team")
def team_page(request: MemberRequest) -> HttpResponseBase:
    """`GET team`: members and invitations; `POST`: invite somebody."""
    if request.method != "POST":
        return _page(request, InvitationForm(request.membership.role))
    form = InvitationForm(request.membership.role, request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        invited = team.invite(form.cleaned_data["email"], Role(form.cleaned_data["role"]), by=request.membership)
    except Refusal as refusal:
        add_refusal(form, refusal)
        return _page(request, form, status=refusal.status)
    messages.success(request, f"A mail is on its way to {invited.email}. Its link works for {team.LIFETIME.days} days.")
    return redirect("team:team")


def _page(request: MemberRequest, form: InvitationForm, *, status: int = 200) -> HttpResponse:
    organisation = request.organisation
    context = {
        "form": form,
        "members": organisation.memberships.select_related("user").order_by("pk"),
        "invitations": team.open_invitations(organisation),
        "may_give": team.may_give(request.membership.role),
    }
    return render(request, "dashboard/team/team.html", context, status=status)


@require_POST
@member_view("team")
def resend(request: MemberRequest, invitation_id: str) -> HttpResponseBase:
    """`POST team/invitations/<id>/resend`: mail a new link."""
    invitation = _invitation(request, invitation_id)
    _try(request, lambda: team.resend(invitation, by=request.membership), f"A new mail goes to {invitation.email}.")
    return redirect("team:team")


@require_POST
@member_view("team")
def revoke(request: MemberRequest, invitation_id: str) -> HttpResponseBase:
    """`POST team/invitations/<id>/revoke`: take an invitation back."""
    invitation = _invitation(request, invitation_id)
    done = f"The invitation of {invitation.email} is revoked: its link has stopped working."
    _try(request, lambda: team.revoke(invitation, by=request.membership), done)
    return redirect("team:team")


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("team")
def member_page(request: MemberRequest, user_id: str) -> HttpResponseBase:
    """`GET team/<user>`: what may be done about a member; `POST`: give them another role."""
    member = _member(request, user_id)
    form = RoleForm(request.membership.role, request.POST or None, initial={"role": member.role})
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        done = f"{_name(member)} is {role.label.lower()} now."
        _try(request, lambda: team.change_role(member, role, by=request.membership), done)
        return redirect("team:team")
    context = {
        "form": form,
        "member": member,
        "may_touch": member.role in team.may_give(request.membership.role),
        "last_owner": team.is_last_owner(member),
    }
    return render(request, "dashboard/team/member.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("team")
def remove(request: MemberRequest, user_id: str) -> HttpResponseBase:
    """`GET team/<user>/remove`: ask whether that is meant; `POST`: do it."""
    member = _member(request, user_id)
    if member.pk == request.membership.pk:
        return redirect("leave")
    if request.method != "POST":
        return render(request, "dashboard/team/remove.html", {"member": member})
    done = f"{_name(member)} is no member any more."
    _try(request, lambda: team.remove(member, by=request.membership), done)
    return redirect("team:team")


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("team")
def transfer(request: MemberRequest, user_id: str) -> HttpResponseBase:
    """`GET team/<user>/transfer`: ask whether that is meant; `POST`: make them owner in one's own place."""
    member = _member(request, user_id)
    if request.method != "POST":
        return render(request, "dashboard/team/transfer.html", {"member": member})
    done = f"{_name(member)} is owner now, and you are admin."
    _try(request, lambda: team.transfer_ownership(member, by=request.membership), done)
    return redirect("team:team")


@require_http_methods(["GET", "HEAD", "POST"])
@member_view()
def leave(request: MemberRequest) -> HttpResponseBase:
    """`GET leave`: ask whether that is meant; `POST`: be a member no more."""
    if request.method == "POST":
        left = _try(request, lambda: team.leave(request.membership), f"You have left {request.organisation.name}.")
        return redirect("dashboard" if left else "leave")
    context = {"last_owner": team.is_last_owner(request.membership)}
    return render(request, "dashboard/team/leave.html", context)


def _try(request: MemberRequest, change: Callable[[], object], done: str) -> bool:
    """Make a change, and say on the next page that it was made, or why it was not."""
    try:
        change()
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return False
    messages.success(request, done)
    return True


def _name(member: Membership) -> str:
    return member.user.name or member.user.email


def _member(request: MemberRequest, user_id: str) -> Membership:
    own = request.organisation.memberships.select_related("user", "organisation")
    member = own.filter(user_id=user_id).first() if ids.is_id("usr", user_id) else None
    if member is None:
        raise Http404
    return member


def _invitation(request: MemberRequest, invitation_id: str) -> Invitation:
    return row_of(team.open_invitations(request.organisation), "inv", invitation_id)
