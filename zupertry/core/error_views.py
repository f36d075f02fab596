"""What answers when no view did: JSON under `/v1/`, a page elsewhere."""

from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render

from zupertry.core.api import not_found
from zupertry.core.errors import Refusal, envelope, internal_error
from zupertry.core.requests import is_api, request_id


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer a request that is itself broken."""
    why = "Its Host header names no host of ours" if isinstance(exception, DisallowedHost) else "It is malformed"
    return _answer(request, Refusal("bad_request", f"The request can't be used. {why}; check how it is sent."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer a page that is not for this visitor."""
    del exception
    return _answer(request, Refusal("forbidden", "This is not yours to see."))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer an address that does not exist."""
    del exception
    return _answer(request, not_found())


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """Answer a form whose token does not fit the visitor: its page is old, or another site's."""
    del reason
    return _answer(request, Refusal("bad_request", "The form was too old. Go back, load its page again, and send it."))


def too_many_requests(request: HttpRequest) -> HttpResponseBase:
    """Answer who tries too often, to log in for instance."""
    return _answer(
        request, Refusal("rate_limit_exceeded", "These were many tries in a short time. Wait a few minutes.")
    )


def body_too_large(request: HttpRequest) -> HttpResponseBase:
    """Answer a body that is larger than any form of ours, without having read it."""
    return _answer(request, Refusal("payload_too_large", "This is more than the form can take. Send less."))


def not_over_tls(request: HttpRequest) -> HttpResponseBase:
    """Answer what came in the clear and can't be asked to come again."""
    what = "This came over http://, where others can read it. Send it to https://, with a new key if it carried one."
    return _answer(request, Refusal("bad_request", what))


def server_error(request: HttpRequest, *args: Any) -> HttpResponseBase:
    """Answer when something of ours broke. Django has logged it."""
    del args
    return _answer(request, internal_error())


def _answer(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    if is_api(request):
        return JsonResponse(envelope(refusal, request_id()), status=refusal.status, headers=refusal.headers)
    context = {"refusal": refusal, "request_id": request_id()}
    return render(request, "error.html", context, status=refusal.status)
