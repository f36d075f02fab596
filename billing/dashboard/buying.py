"""Buying credits: details first, then the gateway's page or form, and back to what became of it."""

from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.dashboard.access import MemberRequest, enter, member_view, organisations_with
from accounts.dashboard.refusals import add_refusal
from billing import cancelling, catalogue, details, payments
from billing.dashboard.forms import DetailsForm, PurchaseForm
from billing.dashboard.views import chosen_pack_id, new_token, offers_to, show_overview
from billing.gateways.registry import require
from billing.models import BillingDetails, Payment
from zupertry.core import ids
from zupertry.core.errors import Refusal
from zupertry.core.requests import content_security_policy, permissions_policy

LOOKS = 40
"""How often the return page looks again by itself, every few seconds, before it leaves that to mails."""
SECONDS_BETWEEN_LOOKS = 3
RAZORPAY_ORIGINS = {
    "script-src": ["https://cdn.razorpay.com"],
    "img-src": ["https://cdn.razorpay.com"],
    "frame-src": ["https://api.razorpay.com"],
    "connect-src": [
        "https://api.razorpay.com",
        "https://lumberjack.razorpay.com",
        "https://lumberjack-cx.razorpay.com",
        "https://lumberjack-metrics.razorpay.com",
    ],
}
"""What Checkout uses besides the origin that its script comes from, as Razorpay's own Magento module lists it."""


@require_POST
@member_view("billing")
def buy(request: MemberRequest) -> HttpResponseBase:
    """`POST buy`: begin a purchase; before the first one, ask whom the invoice is for."""
    form = PurchaseForm(request.POST)
    if form.is_valid() and not BillingDetails.objects.filter(organisation=request.organisation).exists():
        chosen = {name: request.POST[name] for name in ("pack", "keep") if request.POST.get(name)}
        return redirect(f"{reverse('billing:details')}?{urlencode(chosen)}")
    return _begin(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("billing")
def billing_details(request: MemberRequest) -> HttpResponseBase:
    """`GET details`: whom invoices are for; `POST`: set it, and go on with the purchase that asked for it."""
    posted = request.method == "POST"
    form = DetailsForm(request.organisation, request.user.email, request.POST if posted else None)
    if posted and form.is_valid() and _saved(request, form):
        if "pack" in request.POST:
            return _begin(request, PurchaseForm(request.POST))
        messages.success(request, "The billing details are saved. Invoices from now on carry them.")
        return redirect("billing:details")
    pack_id = chosen_pack_id(request)
    context = {
        "form": form,
        "offer": next((offer for offer in offers_to(request.organisation) if offer.pack.id == pack_id), None),
        "keep": request.POST.get("keep") or request.GET.get("keep"),
        "token": request.POST.get("token") or new_token(),
    }
    return render(request, "dashboard/billing/details.html", context, status=422 if form.errors else 200)


@require_safe
@member_view("billing")
def checkout(request: MemberRequest, payment_id: str) -> HttpResponseBase:
    """`GET payments/<id>/checkout`: to the gateway's page, or our own page with its form."""
    payment = _own(request, payment_id)
    if payment.status != Payment.Status.OPEN or payment.purpose != Payment.Purpose.TOP_UP:
        return redirect("billing:payment", payment.id)
    if payment.checkout_url:
        return _leave(request, payment, payment.checkout_url)
    return _pay_here(request, payment)


@require_http_methods(["GET", "HEAD", "POST"])
@member_view("billing")
def returned(request: MemberRequest, payment_id: str) -> HttpResponseBase:
    """`GET payments/<id>/returned`: look what became of it, again and again while that is open.

    `POST`: check what the browser brings from the gateway's form first.
    """
    payment = _own(request, payment_id)
    refused = ""
    try:
        payment = _settled(request, payment)
    except Refusal as refusal:
        if refusal.code == "validation_error":
            messages.error(request, refusal.message)
            return redirect("billing:payment", payment.id)
        refused = refusal.message
    if payment.status not in Payment.UNDECIDED or payment.needs_authentication:
        return redirect("billing:payment", payment.id)
    if request.method == "POST":
        return redirect("billing:returned", payment.id)
    return _still_waiting(request, payment, refused)


def _settled(request: MemberRequest, payment: Payment) -> Payment:
    require(payment.gateway)
    if request.method == "POST":
        return payments.accept_answer(payment, request.POST.dict())
    return payments.settle_now(payment.id)


def _still_waiting(request: MemberRequest, payment: Payment, refused: str) -> HttpResponse:
    looks = request.GET.get("looks", "0")
    context = {
        "payment": payment,
        "refused": refused,
        "looks": int(looks) + 1 if looks.isdecimal() and len(looks) < 4 else LOOKS,
        "most_looks": LOOKS,
        "seconds": SECONDS_BETWEEN_LOOKS,
    }
    return render(request, "dashboard/billing/returned.html", context)


@require_safe
@member_view("billing")
def payment(request: MemberRequest, payment_id: str) -> HttpResponseBase:
    """`GET payments/<id>`: where a payment stands, and what to do."""
    found = _own(request, payment_id)
    # What came to nothing before anything was taken for it is no news.
    reversals = list(found.reversals.exclude(credits=0, undone_at__isnull=False).order_by("pk"))
    gone = any(reversal.undone_at is None for reversal in reversals)
    context = {"payment": found, "reversals": reversals, "money_is_gone": gone}
    return render(request, "dashboard/billing/payment.html", context)


@require_POST
@member_view("billing")
def confirm(request: MemberRequest, payment_id: str) -> HttpResponseBase:
    """`POST payments/<id>/confirm`: to where the buyer's bank asks them whether they mean it."""
    payment = _own(request, payment_id)
    try:
        require(payment.gateway)
        address = payments.authenticate(
            payment, f"{settings.PUBLIC_URL}{reverse('billing:returned', args=[payment.id])}"
        )
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("billing:payment", payment.id)
    return _leave(request, payment, address)


@require_POST
@member_view("billing")
def cancel(request: MemberRequest, payment_id: str) -> HttpResponseBase:
    """`POST payments/<id>/cancel`: let a payment end that waits for its buyer; its page says what became of it."""
    payment = _own(request, payment_id)
    try:
        payment = cancelling.cancel(payment, actor=request.actor)
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        if payment.status == Payment.Status.PAID:
            messages.warning(request, "It was paid before it could be cancelled, so it stands.")
    return redirect("billing:payment", payment.id)


def _begin(request: MemberRequest, form: PurchaseForm) -> HttpResponse:
    """Begin what the form asks for and lead to its checkout; when that is refused, show the overview that says why."""
    if not form.is_valid():
        return show_overview(request, form, status=422)
    try:
        begun = payments.begin(
            request.organisation,
            catalogue.find(request.organisation, form.cleaned_data["pack"]),
            token=form.key(),
            actor=request.actor,
            keep_method=form.cleaned_data["keep"],
            links=_links(),
        )
    except Refusal as refusal:
        add_refusal(form, refusal)
        again = form.cleaned_data["token"] if refusal.code == "payment_provider_error" else ""
        return show_overview(request, form, status=refusal.status, token=again)
    return redirect("billing:checkout", begun.id)


def _links() -> payments.Links:
    """Return where a gateway sends the buyer, with the place where the payment's id goes."""
    addresses = (reverse(f"billing:{name}", args=["ID"]).replace("ID", "{payment}") for name in ("returned", "payment"))
    return payments.Links(*(f"{settings.PUBLIC_URL}{address}" for address in addresses))


def _saved(request: MemberRequest, form: DetailsForm) -> bool:
    """Save the details; when they are refused, the form says why."""
    try:
        details.save(request.organisation, form.cleaned_data, actor=request.actor)
    except Refusal as refusal:
        add_refusal(form, refusal)
        return False
    return True


def _leave(request: MemberRequest, payment: Payment, address: str) -> HttpResponse:
    """Send the browser to a page of the gateway's, by a page of ours that goes on at once.

    A redirect would be the end of a form's submission, which `form-action` confines to us, over every hop (CSP 3,
    section 6.4.1); and which hosts a gateway and a bank lead over, nobody can list.
    """
    return render(request, "dashboard/billing/leaving.html", {"payment": payment, "address": address})


def _pay_here(request: MemberRequest, payment: Payment) -> HttpResponse:
    """Show the gateway's form on our page, the one page that another origin's script may run on."""
    try:
        require(payment.gateway)
        form = payments.checkout_form(payment)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("billing:payment", payment.id)
    if form is None:
        raise Http404
    context = {"payment": payment, "script_url": form.script_url, "options": dict(form.options)}
    response = render(request, "dashboard/billing/pay.html", context)
    for name, policy in _policies_for(form.script_url).items():
        response[name] = policy
    return response


def _policies_for(script_url: str) -> dict[str, str]:
    """Return our policies, opened for the gateway whose script this is and for the windows that banks open."""
    parts = urlsplit(script_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    opened = {name: [origin, *others] for name, others in RAZORPAY_ORIGINS.items()}
    return {
        "Content-Security-Policy": content_security_policy(opened),
        "Permissions-Policy": permissions_policy({"payment": '(self "https://api.razorpay.com")'}),
        "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
        "Referrer-Policy": "strict-origin-when-cross-origin",
    }


def _own(request: MemberRequest, payment_id: str) -> Payment:
    """Return a payment of the visitor's organisation, or of another of theirs, which a mail may lead to: then go there.

    Raises `Http404` for any other.
    """
    if not ids.is_id("pay", payment_id):
        raise Http404
    own = Payment.objects.filter(organisation__in=organisations_with(request, "billing"), pk=payment_id)
    found = own.select_related("organisation", "invoice", "pack", "method").first()
    if found is None:
        raise Http404
    if found.organisation_id != request.organisation.id:
        enter(request, found.organisation_id)
    return found
