"""How large a body may be. Django bounds what it keeps of one in memory, but writes a form's files to the disk."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from zupertry.core.error_views import body_too_large
from zupertry.core.requests import is_api

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def takes_files(view: View) -> View:
    """Let a view look itself at how much is sent, before anything reads it. Stands outermost."""
    view.takes_files = True  # type: ignore[attr-defined]
    return view


class BodySizeMiddleware:
    """Refuses a body that no form of ours has, unread: else anybody could fill the disk by way of the login.

    `/v1` has a limit of its own, which is looked at after the key.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_: Any) -> HttpResponseBase | None:
        """Refuse a body that is too large for this view."""
        if is_api(request) or getattr(view, "takes_files", False):
            return None
        return body_too_large(request) if _length(request) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE else None


def _length(request: HttpRequest) -> int:
    """Return how many bytes Django would read: without a length that is a number, none."""
    length = request.META.get("CONTENT_LENGTH") or ""
    return int(length) if length.isascii() and length.isdigit() else 0
