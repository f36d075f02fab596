"""What answers when no view did: JSON under `/v1/`, a page elsewhere."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render

from zupertry.core.api import not_found
from zupertry.core.errors import Refusal, broken_request, envelope, internal_error
from zupertry.core.requests import Handler, is_api, request_id


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer a request that is itself broken."""
    why = "Its Host header names no host of ours" if isinstance(exception, DisallowedHost) else "It is malformed"
    return _answer(request, broken_request(why))


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
    return _answer(request, Refusal("rate_limit_exceeded", "These were many tries in a short time."))


class WrongMethodMiddleware:
    """Gives a page to who opens an address that only takes forms, for which Django answers 405 with nothing."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with the page in place of an empty 405."""
        response = self.get_response(request)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or is_api(request):
            return response
        page = _answer(request, Refusal("method_not_allowed", "This address only takes what a form sends."))
        page["Allow"] = response["Allow"]
        return page


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
