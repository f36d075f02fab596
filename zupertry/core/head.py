"""Answers to HEAD: those of GET, without the body."""

from typing import cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from zupertry.core.requests import Handler


class HeadMiddleware:
    """Leaves the body of an answer to HEAD away, and tells its length all the same (RFC 9110, 9.3.2).

    Views make the whole answer, and the server would drop its body with a line in the log each time.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        response = self.get_response(request)
        if request.method != "HEAD":
            return response
        if response.streaming:
            # A file that it would have sent is closed with the answer.
            cast(StreamingHttpResponse, response).streaming_content = ()
        else:
            whole = cast(HttpResponse, response)
            whole.headers.setdefault("Content-Length", str(len(whole.content)))
            whole.content = b""
        return response
