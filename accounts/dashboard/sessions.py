"""Where a person is logged in, and the end of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import User
from zupertry.core import metrics

BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "FxiOS": "Firefox", "Chrome": "Chrome"}
BROWSERS |= {"CriOS": "Chrome", "Safari": "Safari"}
"""By the token of the User-Agent header, the telling ones first: Edge also says Chrome, and Chrome says Safari."""
SYSTEMS = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "Mac OS X": "macOS"}
SYSTEMS |= {"Linux": "Linux"}


EXPIRED_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One place where a person is logged in, since when, and from which address the login came."""

    id: int
    device: str
    address: str
    since: datetime
    is_current: bool


class FollowedSessionMiddleware:
    """Keeps the list of sessions true when one gets another key.

    That is what Django gives a session that a former `SECRET_KEY` had signed, and django-allauth, which wrote down
    the login, does not hear of it: nobody would see that session any more, nor end it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; then write the new key down, unless a login has."""
        response = self.get_response(request)
        before, now = request.COOKIES.get(settings.SESSION_COOKIE_NAME), request.session.session_key
        if before and now and before != now and not UserSession.objects.filter(session_key=now).exists():
            UserSession.objects.filter(session_key=before).update(session_key=now)
        return response


def open_sessions(user: User, current_key: str | None) -> list[OpenSession]:
    """Return the person's sessions that work: the present one, then the latest first. Two queries, however many."""
    known = {entry.session_key: entry for entry in UserSession.objects.filter(user=user)}
    alive = Session.objects.filter(session_key__in=list(known), expire_date__gt=timezone.now())
    # A session made before SECRET_KEY was changed works until its next request makes it anew.
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    entries = [
        known[session.session_key]
        for session in alive
        if _is_one_of(session.get_decoded().get(HASH_SESSION_KEY, ""), hashes)
    ]
    found = [_open_session(entry, current_key) for entry in entries]
    return sorted(found, key=lambda session: (session.is_current, session.since), reverse=True)


def end_others(user: User, current_key: str | None, only: int | None = None) -> int:
    """End the person's other sessions, or `only` the one with this id. Returns how many ended."""
    others = UserSession.objects.filter(user=user).exclude(session_key=current_key)
    if only is not None:
        others = others.filter(pk=only)
    keys = list(others.values_list("session_key", flat=True))
    ended, _ = Session.objects.filter(session_key__in=keys).delete()
    others.delete()
    return ended


def device_of(user_agent: str) -> str:
    """Return what a person would call it: `Firefox on Windows`."""
    browser = next((name for token, name in BROWSERS.items() if f"{token}/" in user_agent), "A browser")
    system = next((name for token, name in SYSTEMS.items() if token in user_agent), "")
    return f"{browser} on {system}" if system else browser


def _is_one_of(hash_: str, hashes: Sequence[str]) -> bool:
    return any(constant_time_compare(hash_, known) for known in hashes)


def _open_session(entry: UserSession, current_key: str | None) -> OpenSession:
    return OpenSession(
        id=entry.pk,
        device=device_of(entry.user_agent),
        address=entry.ip,
        since=entry.created_at,
        is_current=entry.session_key == current_key,
    )


def delete_expired() -> int:
    """Delete sessions that nobody can use any more, the thousand oldest at once. Returns how many."""
    expired = Session.objects.filter(expire_date__lte=timezone.now()).order_by("expire_date")
    keys = list(expired.values_list("session_key", flat=True)[:EXPIRED_BATCH])
    UserSession.objects.filter(session_key__in=keys).delete()
    Session.objects.filter(session_key__in=keys).delete()
    metrics.swept({"expired_sessions": len(keys)})
    return len(keys)
