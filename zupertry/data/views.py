"""The pages of an organisation's settings, export and deletion, and of the deletion of a person's account."""

from typing import cast

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts import audit, organisations
from accounts.dashboard.access import MemberRequest, member_view, person_view
from accounts.dashboard.refusals import add_refusal
from accounts.models import Region, User
from billing import ledger
from billing.models import Plan
from tryon import retention
from zupertry.core.errors import Refusal
from zupertry.data import deletion, export, people
from zupertry.data.forms import ConfirmForm, NameForm

TOO_LATE = "It is being deleted by now, and can't be kept any more."


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("settings")
def settings_page(request: MemberRequest) -> HttpResponseBase:
    """`/dashboard/settings`: what the organisation is and how long its data is kept; `POST`: another name."""
    organisation = request.organisation
    form = NameForm(_posted(request), initial={"name": organisation.name})
    if form.is_valid():
        if organisations.rename(organisation, form.cleaned_data["name"], actor=request.actor):
            messages.success(request, f"It is called “{form.cleaned_data['name']}” now.")
        return redirect("settings:organisation")
    context = {
        "form": form,
        "region": Region(organisation.region).label,
        "plan": Plan.objects.get(pk=organisation.plan).name,
        "kept": retention.kept(),
    }
    return render(request, "dashboard/settings/organisation.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("ownership")
@reauthentication_required  # type: ignore[untyped-decorator]
def export_page(request: MemberRequest) -> HttpResponseBase:
    """`GET settings/export`: what the document holds; `POST`: the document, sent as it is read."""
    organisation = request.organisation
    if request.method != "POST":
        return render(request, "dashboard/settings/export.html")
    audit.record(organisation, request.actor, "organisation.exported", organisation.id)
    name = f"zupertry-{organisation.id}-{timezone.now():%Y-%m-%d}.json"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(export.document(organisation), content_type="application/json", headers=disposition)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("ownership")
@reauthentication_required  # type: ignore[untyped-decorator]
def delete_page(request: MemberRequest) -> HttpResponseBase:
    """`GET settings/delete`: what that means and what is in the way; `POST`: have it deleted in 7 days."""
    organisation = request.organisation
    if organisation.deletion_due_at:
        return redirect("settings:organisation")
    form = ConfirmForm("name of the organisation", organisation.name, _posted(request))
    if not form.is_valid():
        return _delete_page(request, form, status=422 if form.errors else 200)
    try:
        deletion.ask(organisation, by=request.membership)
    except Refusal as refusal:
        add_refusal(form, refusal)
        return _delete_page(request, form, status=refusal.status)
    return redirect("settings:organisation")


def _delete_page(request: MemberRequest, form: ConfirmForm, *, status: int) -> HttpResponse:
    organisation = request.organisation
    context = {
        "form": form,
        "obstacles": deletion.obstacles(organisation),
        "credits": max(0, ledger.balance(organisation.id).available),
        "days": deletion.GRACE.days,
    }
    return render(request, "dashboard/settings/delete.html", context, status=status)


@require_POST
@member_view("ownership")
def keep(request: MemberRequest) -> HttpResponseBase:
    """`POST settings/keep`: delete the organisation no more."""
    if deletion.undo(request.organisation, by=request.membership):
        messages.success(
            request, f"{request.organisation.name} stays. Auto-reload is off: switch it on if you need it."
        )
    elif request.organisation.deletion_due_at:
        messages.error(request, TOO_LATE)
    return redirect("settings:organisation")


@require_http_methods(["GET", "HEAD", "POST"])
@person_view
@reauthentication_required  # type: ignore[untyped-decorator]
def delete_account_page(request: HttpRequest) -> HttpResponseBase:
    """`GET account/delete`: what that means and what is in the way; `POST`: have it deleted in 7 days."""
    person = cast(User, request.user)
    if person.deletion_due_at:
        return redirect("profile")
    form = ConfirmForm("e-mail address of the account", person.email, _posted(request))
    if not form.is_valid():
        return _delete_account_page(request, person, form, status=422 if form.errors else 200)
    try:
        asked = people.ask(person)
    except Refusal as refusal:
        add_refusal(form, refusal)
        return _delete_account_page(request, person, form, status=refusal.status)
    if asked:
        get_adapter(request).send_notification_mail("account/email/deletion_asked", person)
    return redirect("profile")


def _delete_account_page(request: HttpRequest, person: User, form: ConfirmForm, *, status: int) -> HttpResponse:
    context = {
        "form": form,
        "needed": people.needed_by(person),
        "alone": people.alone_in(person),
        "days": people.GRACE.days,
    }
    return render(request, "account/delete.html", context, status=status)


def _posted(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


@require_POST
@person_view
def keep_account(request: HttpRequest) -> HttpResponseBase:
    """`POST account/keep`: delete the account no more."""
    if people.undo(cast(User, request.user)):
        messages.success(request, "Your account stays.")
    return redirect("profile")
