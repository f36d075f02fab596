"""Requests a minute: one window for all keys of an organisation and all of /v1."""

from typing import TYPE_CHECKING, cast

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.api.authentication import key_of
from zupertry.core import ratelimit

if TYPE_CHECKING:
    from rest_framework.views import APIView

    from zupertry.core.api import ApiViewSet


class OrganisationThrottle(BaseThrottle):
    """Counts a request, and leaves the window on it for the answer's headers."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Return true. Raises `Refusal` (`rate_limit_exceeded`) once the window's requests are used up."""
        organisation = key_of(request).organisation
        window = ratelimit.count(organisation.id, organisation.rate_limit_per_minute)
        cast("ApiViewSet", view).rate_limit_window = window
        ratelimit.check(window)
        return True
