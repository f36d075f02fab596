"""Requests that come in the clear, where the service is reached by TLS. What a trusted proxy says of them counts."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect

from zupertry.core.error_views import not_over_tls
from zupertry.core.requests import FORWARDED_SCHEME, is_api


class TransportMiddleware:
    """Sends a visitor who came over http:// to https://, and refuses what a redirect would not bring along.

    Only a trusted proxy knows how a visitor came (`TRUSTED_PROXIES`). Where none says anything, as with a health check
    from the same host, the request is answered: a redirect would lead nowhere there, or round in a circle.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, or send on."""
        if not settings.PUBLIC_URL.startswith("https:") or request.META.get(FORWARDED_SCHEME) != "http":
            return self.get_response(request)
        if is_api(request) or request.method not in {"GET", "HEAD"}:
            return not_over_tls(request)
        return HttpResponsePermanentRedirect(f"{settings.PUBLIC_URL}{request.get_full_path()}")
