"""What the head of every public page knows about its reader."""

from django.conf import settings
from django.http import HttpRequest


def visitor(request: HttpRequest) -> dict[str, bool]:
    """Say whether somebody is likely to be logged in: by their cookie alone, for public pages need no database."""
    return {"knows_visitor": settings.SESSION_COOKIE_NAME in request.COOKIES}
