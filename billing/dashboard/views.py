"""The billing pages that show and set: overview, payment methods, auto-reload. Paying is in `buying.py`."""

import secrets
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import capfirst
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.dashboard.access import MemberRequest, member_view
from accounts.dashboard.refusals import add_refusal
from accounts.models import Organisation
from billing import auto_reload, catalogue, ledger, methods
from billing.catalogue import Quote
from billing.dashboard.forms import AutoReloadForm, PurchaseForm
from billing.gateways.registry import require
from billing.models import AutoReload, BillingDetails, CreditPack, Payment, PaymentMethod
from zupertry.core.errors import Refusal
from zupertry.core.money import format_each

LATEST = 5


@dataclass(frozen=True, slots=True)
class Offer:
    """A pack with what it costs."""

    pack: CreditPack
    quote: Quote

    @property
    def each(self) -> str:
        """What one credit costs before tax: `€0.13`, `€0.065`."""
        return format_each(self.pack.price_minor, self.pack.credits, self.pack.currency)


@require_safe
@member_view("billing")
def overview(request: MemberRequest) -> HttpResponseBase:
    """`GET /dashboard/billing/`: what is left, what can be bought, and what was."""
    return show_overview(request)


def show_overview(
    request: MemberRequest, form: PurchaseForm | None = None, *, status: int = 200, token: str = ""
) -> HttpResponse:
    """Return the overview; with the form when a purchase was refused, and its token when it may be sent again."""
    organisation = request.organisation
    account = ledger.balance(organisation.id)
    owed = max(0, -account.available)
    offers = offers_to(organisation)
    reload = auto_reload.of(organisation)
    context = {
        "account": account,
        "owed": owed,
        "low": 0 <= account.available < account.low_balance_at,
        "offers": offers,
        "can_be_paid": catalogue.can_be_paid(organisation),
        "gateway": catalogue.gateway_for(organisation).capitalize(),
        "needs_details": not BillingDetails.objects.filter(organisation=organisation).exists(),
        "form": form,
        "chosen": chosen_pack_id(request) or _suggested(offers, owed),
        "token": token or new_token(),
        "kept": _kept(organisation),
        "reload": reload,
        "spent": auto_reload.spent_this_month(organisation.id, timezone.now()) if reload and reload.enabled else 0,
        "payments": _payments(organisation)[:LATEST],
    }
    return render(request, "dashboard/billing/overview.html", context, status=status)


def _kept(organisation: Organisation) -> PaymentMethod | None:
    """Return what is kept to be charged, unless it has expired."""
    method = auto_reload.usable_method(organisation.id)
    ended = method and method.expires_on and method.expires_on < timezone.now().date()
    return None if ended else method


def offers_to(organisation: Organisation) -> list[Offer]:
    """Return what an organisation may buy, the smallest pack first."""
    return [Offer(pack, catalogue.quote(pack)) for pack in catalogue.offer(organisation)]


def chosen_pack_id(request: MemberRequest) -> str:
    """Return the pack that the form, or a link to it, has chosen."""
    return request.POST.get("pack") or request.GET.get("pack", "")


def new_token() -> str:
    """Return what one rendered form is known by."""
    return secrets.token_urlsafe(12)


def _suggested(offers: list[Offer], owed: int) -> str:
    """Return the smallest pack that leaves something over what is owed, else the largest."""
    enough = [offer for offer in offers if offer.pack.credits > owed]
    return next(iter(enough or reversed(offers))).pack.id if offers else ""


@require_safe
@member_view("billing")
def method_list(request: MemberRequest) -> HttpResponseBase:
    """`GET methods`: what is kept to be charged again."""
    context = {
        "methods": methods.active(request.organisation),
        "gateway": catalogue.gateway_for(request.organisation),
        "today": timezone.now().date(),
    }
    return render(request, "dashboard/billing/methods.html", context)


@require_POST
@member_view("billing")
def make_default(request: MemberRequest, method_id: str) -> HttpResponseBase:
    """`POST methods/<id>/default`: charge this one from now on."""
    method = _method(request, method_id)
    try:
        methods.make_default(request.organisation, method.id, actor=request.actor)
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, f"{capfirst(str(method))} is charged by default from now on.")
    return redirect("billing:methods")


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("billing")
def remove_method(request: MemberRequest, method_id: str) -> HttpResponseBase:
    """`GET methods/<id>/remove`: ask whether that is meant; `POST`: do it."""
    method = _method(request, method_id)
    if request.method == "POST":
        return _remove(request, method)
    reload = auto_reload.of(request.organisation)
    ends_reload = bool(reload and reload.enabled) and len(methods.active(request.organisation)) == 1
    return render(request, "dashboard/billing/remove_method.html", {"method": method, "ends_reload": ends_reload})


def _remove(request: MemberRequest, method: PaymentMethod) -> HttpResponse:
    try:
        require(method.gateway)
        switched_off = methods.remove(request.organisation, method.id, actor=request.actor)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("billing:methods")
    messages.success(request, f"{capfirst(str(method))} is removed.")
    if switched_off:
        messages.warning(request, "It was the last one, so auto-reload is switched off: nothing is bought by itself.")
    return redirect("billing:methods")


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("billing")
def auto_reload_page(request: MemberRequest) -> HttpResponseBase:
    """`GET auto-reload`: how it is set; `POST`: set it, and switch it on."""
    form = AutoReloadForm(request.organisation, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _switch_on(request, form):
        messages.success(request, "Auto-reload is on.")
        return redirect("billing:auto-reload")
    status = 422 if form.errors else 200
    return render(request, "dashboard/billing/auto_reload.html", _reload_context(request, form), status=status)


@require_POST
@member_view("billing")
def auto_reload_off(request: MemberRequest) -> HttpResponseBase:
    """`POST auto-reload/off`: buy nothing by itself any more."""
    auto_reload.switch_off(request.organisation, actor=request.actor)
    messages.success(request, "Auto-reload is off: nothing is bought by itself any more.")
    return redirect("billing:auto-reload")


def _switch_on(request: MemberRequest, form: AutoReloadForm) -> AutoReload | None:
    """Switch it on as the form says; when that is refused, the form says why."""
    try:
        return auto_reload.switch_on(
            request.organisation,
            pack=form.chosen_pack(),
            threshold=form.cleaned_data["threshold"],
            monthly_cap_minor=form.monthly_cap_minor(),
            actor=request.actor,
        )
    except Refusal as refusal:
        add_refusal(form, refusal)
        return None


def _reload_context(request: MemberRequest, form: AutoReloadForm) -> dict[str, Any]:
    organisation = request.organisation
    return {
        "form": form,
        "reload": auto_reload.of(organisation),
        "method": auto_reload.usable_method(organisation.id),
        "gateway": catalogue.gateway_for(organisation),
        "can_be_paid": catalogue.can_be_paid(organisation),
        "mandate_limit_minor": auto_reload.MANDATE_LIMIT_MINOR,
        "failures_allowed": auto_reload.FAILURES_ALLOWED,
        "spent": auto_reload.spent_this_month(organisation.id, timezone.now()),
        "pending": _payments(organisation)
        .filter(purpose=Payment.Purpose.AUTO_RELOAD, status__in=Payment.UNDECIDED)
        .first(),
    }


def _payments(organisation: Organisation) -> "QuerySet[Payment]":
    return Payment.objects.filter(organisation=organisation).select_related("invoice").order_by("-pk")


def _method(request: MemberRequest, method_id: str) -> PaymentMethod:
    found = next((method for method in methods.active(request.organisation) if method.id == method_id), None)
    if found is None:
        raise Http404
    return found
