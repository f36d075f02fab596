"""What anybody may read: the front page, the prices, and what crawlers and language models ask for."""

from dataclasses import dataclass
from itertools import groupby

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_cookie

from accounts.dashboard.access import organisation_of
from billing import catalogue
from billing.currencies import Currency
from billing.models import CreditPack, Plan
from billing.tax import GST_PERCENT
from zupertry.core.money import format_each
from zupertry.docs import site
from zupertry.onboarding.beginning import signup_credits

HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Priced:
    """A pack, and what one credit of it costs, in words."""

    pack: CreditPack
    each: str


@dataclass(frozen=True, slots=True)
class Offered:
    """A plan with its packs, the smallest first."""

    plan: Plan
    packs: list[Priced]

    @property
    def cheapest(self) -> Priced:
        """The pack whose credits cost the least."""
        return min(self.packs, key=lambda priced: priced.pack.price_minor / priced.pack.credits)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """`GET /`: what this is, what it makes, and a request to paste. Needs no database."""
    context = {"submit": site.operation("createTryOn"), "retries": len(settings.WEBHOOK_RETRY_SCHEDULE)}
    return render(request, "public/home.html", context)


@require_safe
@vary_on_cookie
def pricing(request: HttpRequest) -> HttpResponse:
    """`GET /pricing?currency=EUR`: what is on sale, in the currency that is asked for.

    Without one of ours it is that of the visitor's organisation, which only their own browser may keep, or US dollars.
    """
    asked = request.GET.get("currency", "").upper()
    organisation = organisation_of(request) if asked not in Currency.values else None
    default = organisation.currency if organisation else Currency.USD
    currency = Currency(asked if asked in Currency.values else default)
    context = {
        "currency": currency,
        "currencies": Currency,
        "offers": _offered(currency),
        "gst_percent": GST_PERCENT if currency == Currency.INR else None,
        "free_credits": signup_credits(),
    }
    response = render(request, "public/pricing.html", context)
    if organisation:
        patch_cache_control(response, private=True)
    return response


def _offered(currency: Currency) -> list[Offered]:
    plans = groupby(catalogue.price_list(currency), key=lambda pack: pack.plan)
    return [
        Offered(plan, [Priced(pack, format_each(pack.price_minor, pack.credits, currency)) for pack in packs])
        for plan, packs in plans
    ]


@require_safe
@cache_control(public=True, max_age=HOUR_SECONDS)
def llms_txt(request: HttpRequest) -> HttpResponse:
    """`GET /llms.txt`: where language models find the documentation as Markdown. https://llmstxt.org"""
    return _text(request, "public/llms.txt", "text/markdown; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=HOUR_SECONDS)
def robots_txt(request: HttpRequest) -> HttpResponse:
    """`GET /robots.txt`: crawlers are welcome to what anybody may read. https://www.rfc-editor.org/rfc/rfc9309"""
    return _text(request, "public/robots.txt", "text/plain; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=HOUR_SECONDS)
def sitemap(request: HttpRequest) -> HttpResponse:
    """`GET /sitemap.xml`: every public page. https://www.sitemaps.org/protocol.html"""
    return _text(request, "public/sitemap.xml", "application/xml")


def _text(request: HttpRequest, template: str, content_type: str) -> HttpResponse:
    addresses = [reverse("home"), reverse("pricing"), reverse("reference")]
    context = {"base_url": settings.PUBLIC_URL, "pages": site.pages(), "addresses": addresses}
    return render(request, template, context, content_type=content_type)
