"""The pages of API keys: list and make them, switch them off and on, revoke them."""

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import api_keys
from accounts.dashboard.access import MemberRequest, member_view
from accounts.dashboard.listings import row_of
from accounts.dashboard.refusals import add_refusal
from accounts.dashboard.settings_forms import KeyForm
from accounts.models import MAX_API_KEYS, ApiKey, Mode
from zupertry.core.crypto import seal, unseal
from zupertry.core.errors import Refusal

REVOKED_SHOWN = 10
_NEW = "new_key"


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("developer")
def key_list(request: MemberRequest) -> HttpResponseBase:
    """`GET keys`: every key in use; `POST`: make one, and go where its text is shown this once."""
    if request.method != "POST":
        return _page(request, KeyForm())
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    mode, name = Mode(form.cleaned_data["mode"]), form.cleaned_data["name"]
    try:
        key, text = api_keys.create(request.organisation, mode, name, actor=request.actor)
    except Refusal as refusal:
        add_refusal(form, refusal)
        return _page(request, form, status=refusal.status)
    request.session[_NEW] = {"key": key.id, "sealed": seal(text)}
    return redirect("developers:new-key")


@require_safe
@never_cache
@member_view("developer")
def new_key(request: MemberRequest) -> HttpResponseBase:
    """`GET keys/new`: the text of the key that was just made, once: a reload makes no other, and shows none."""
    made = request.session.pop(_NEW, None)
    key = request.organisation.api_keys.filter(pk=made["key"]).first() if made else None
    context = {"key": key, "text": unseal(made["sealed"]) if key else ""}
    return render(request, "dashboard/developers/new_key.html", context)


def _page(request: MemberRequest, form: KeyForm, *, status: int = 200) -> HttpResponse:
    keys = request.organisation.api_keys.order_by("-pk")
    usable = list(keys.exclude(status=ApiKey.Status.REVOKED))
    context = {
        "form": form,
        "keys": usable,
        "revoked": keys.filter(status=ApiKey.Status.REVOKED)[:REVOKED_SHOWN],
        "most": MAX_API_KEYS,
        "full": len(usable) >= MAX_API_KEYS,
    }
    return render(request, "dashboard/developers/keys.html", context, status=status)


@require_POST
@member_view("developer")
def disable(request: MemberRequest, key_id: str) -> HttpResponseBase:
    """`POST keys/<id>/disable`: refuse this key until it is switched on again."""
    key = _own(request, key_id)
    if api_keys.disable(key, actor=request.actor):
        messages.success(request, f"“{key.name}” is off: requests with it are refused from now on.")
    return redirect("developers:keys")


@require_POST
@member_view("developer")
def enable(request: MemberRequest, key_id: str) -> HttpResponseBase:
    """`POST keys/<id>/enable`: take requests with this key again."""
    key = _own(request, key_id)
    if api_keys.enable(key, actor=request.actor):
        messages.success(request, f"“{key.name}” is on again.")
    return redirect("developers:keys")


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("developer")
def revoke(request: MemberRequest, key_id: str) -> HttpResponseBase:
    """`GET keys/<id>/revoke`: ask whether that is meant; `POST`: do it."""
    key = _own(request, key_id)
    if request.method != "POST":
        return render(request, "dashboard/developers/revoke_key.html", {"key": key})
    if api_keys.revoke(key, actor=request.actor):
        messages.success(request, f"“{key.name}” is revoked, for good.")
    return redirect("developers:keys")


def _own(request: MemberRequest, key_id: str) -> ApiKey:
    own = ApiKey.objects.filter(organisation=request.organisation).select_related("organisation")
    return row_of(own, "key", key_id)
