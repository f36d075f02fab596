"""Every route. What no route answers, `zupertry.core.error_views` does."""

from django.urls import include, path

from zupertry import health
from zupertry.core.storage import serve
from zupertry.docs import views as docs

urlpatterns = [
    path("", docs.home, name="home"),
    path("docs/api", docs.reference, name="reference"),
    path("v1/", include("zupertry.api_v1")),
    path("files/<path:name>", serve, name="file"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]

handler400 = "zupertry.core.error_views.bad_request"
handler403 = "zupertry.core.error_views.permission_denied"
handler404 = "zupertry.core.error_views.page_not_found"
handler500 = "zupertry.core.error_views.server_error"
