"""Every route. What no route answers, `zupertry.core.error_views` does."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from billing.api import gateway_events
from zupertry import health, metrics
from zupertry.core.storage import serve
from zupertry.docs import views as docs
from zupertry.onboarding.views import onboarding
from zupertry.overview.page import hide_steps, overview
from zupertry.public import views as public

urlpatterns = [
    path("", public.home, name="home"),
    path("pricing", public.pricing, name="pricing"),
    path("llms.txt", public.llms_txt, name="llms-txt"),
    path("robots.txt", public.robots_txt, name="robots-txt"),
    path("sitemap.xml", public.sitemap, name="sitemap"),
    path("docs", RedirectView.as_view(url="/docs/quickstart"), name="docs"),
    path("docs/api", docs.reference, name="reference"),
    path("docs/<slug:slug>", docs.page, name="docs-page"),
    path("docs/<slug:slug>.md", docs.markdown, name="docs-markdown"),
    path("v1/", include("zupertry.api_v1")),
    path("gateway-events/<slug:gateway>", gateway_events.receive, name="gateway-events"),
    path("files/<path:name>", serve, name="file"),
    path("", include("accounts.dashboard.login_urls")),
    path("onboarding", onboarding, name="onboarding"),
    path("dashboard", RedirectView.as_view(pattern_name="dashboard")),
    path("dashboard/", overview, name="dashboard"),
    path("dashboard/hide-steps", hide_steps, name="hide-steps"),
    path("dashboard/", include("accounts.dashboard.urls")),
    path("dashboard/billing/", include("billing.dashboard.urls")),
    path("dashboard/", include("tryon.dashboard.urls")),
    path("dashboard/", include("zupertry.data.urls")),
    path(settings.ADMIN_PATH, admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.page, name="metrics"),
]

handler400 = "zupertry.core.error_views.bad_request"
handler403 = "zupertry.core.error_views.permission_denied"
handler404 = "zupertry.core.error_views.page_not_found"
handler429 = "zupertry.core.error_views.too_many_requests"
handler500 = "zupertry.core.error_views.server_error"
