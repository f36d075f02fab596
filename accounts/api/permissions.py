"""Whether the caller may call at all."""

from typing import TYPE_CHECKING, cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.api.authentication import key_of
from zupertry.core import ratelimit
from zupertry.core.errors import Refusal
from zupertry.core.support import at_support

if TYPE_CHECKING:
    from rest_framework.views import APIView

    from zupertry.core.api import ApiViewSet


class OrganisationActive(BasePermission):
    """Lets organisations pass that are not suspended."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Return true. Raises `Refusal` (`account_suspended`) otherwise."""
        organisation = key_of(request).organisation
        if organisation.suspended_at is not None:
            window = ratelimit.peek(organisation.id, organisation.rate_limit_per_minute)
            cast("ApiViewSet", view).rate_limit_window = window
            raise Refusal(
                "account_suspended", f"This organisation is suspended. Write to us{at_support()} to have it restored."
            )
        return True
