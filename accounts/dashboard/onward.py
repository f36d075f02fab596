"""Where somebody was going who first has to set up a second factor: kept (`next`) over the pages of that."""

from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from allauth.account.utils import get_next_redirect_url
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts.dashboard.access import View

STEPS = ("mfa_index", "mfa_view_recovery_codes")


class OnwardRequest(HttpRequest):
    """A request of somebody who is on the way to `onward`, a page of this site; empty for who is not."""

    onward: str


def led_on(view: View) -> View:
    """Have a view of the second factor know where the visitor was going, and pass it on to the next step."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        going = cast(OnwardRequest, request)
        going.onward = get_next_redirect_url(request) or ""
        response = view(request, *args, **kwargs)
        if going.onward and response.get("Location", "") in [reverse(step) for step in STEPS]:
            response["Location"] += f"?{urlencode({'next': going.onward})}"
        return response

    return answer
