"""What every request gets: whom it is from, an id that follows it through the logs, and headers that bind a browser."""

import ipaddress
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from zupertry.core import metrics

Handler = Callable[[HttpRequest], HttpResponseBase]

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
OWN_ORIGIN_ONLY = {
    "default-src": "'self'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
"""What a page may do, by directive of its Content-Security-Policy."""
UNUSED_FEATURES = (
    "accelerometer",
    "autoplay",
    "browsing-topics",
    "camera",
    "display-capture",
    "encrypted-media",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "screen-wake-lock",
    "serial",
    "usb",
    "xr-spatial-tracking",
)
"""What browsers offer and no page of ours needs. The clipboard and passkeys stay as they are: for us alone."""
FORWARDED_SCHEME = "zupertry.forwarded_scheme"
"""Where a request's environment keeps the scheme that a trusted proxy was asked by."""

log = structlog.get_logger("zupertry.request")
_request_id: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """Return the id of the request being answered, or an empty string outside one."""
    return _request_id.get()


def enter_request(id_: str) -> None:
    """Let what happens from here on in this thread be of the request with this id, in the logs too."""
    _request_id.set(id_)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=id_)


def content_security_policy(opened: Mapping[str, Sequence[str]] | None = None) -> str:
    """Return the policy of a page: `opened` lists the origins, by directive, that it may use besides our own."""
    more = {name: " ".join([OWN_ORIGIN_ONLY.get(name, "'self'"), *origins]) for name, origins in (opened or {}).items()}
    return "; ".join(f"{name} {sources}" for name, sources in {**OWN_ORIGIN_ONLY, **more}.items())


def permissions_policy(opened: Mapping[str, str] | None = None) -> str:
    """Return which features of a browser a page has: `opened` says who may use what it needs, in the header's words.

    https://www.w3.org/TR/permissions-policy/#permissions-policy-http-header-field
    """
    features = dict.fromkeys(UNUSED_FEATURES, "()") | dict(opened or {})
    return ", ".join(f"{name}={who}" for name, who in features.items())


def is_api(request: HttpRequest) -> bool:
    """Say whether errors on this path are JSON (under `/v1/`) and not pages."""
    return f"{request.path}/".startswith("/v1/")


def loggable_path(request: HttpRequest) -> str:
    """Return the path without the secret in it, if it has one: that of a mailed link to set a password."""
    secret = request.resolver_match.kwargs.get("key") if request.resolver_match else None
    return request.path.replace(secret, "…") if secret else request.path


def route_of(request: HttpRequest, response: HttpResponseBase) -> str:
    """Return the name of the route that answered: one of ours, never what was asked for.

    `static` stands for files, `none` for what no route takes. `?wait` follows where the request asked to wait.
    """
    if match := request.resolver_match:
        # The query as it was sent: one that can't be read has been answered already.
        return f"{match.view_name}?wait" if "wait=" in request.META.get("QUERY_STRING", "") else match.view_name
    return "static" if request.path.startswith(settings.STATIC_URL) and response.status_code < 400 else "none"


def is_trusted_proxy(address: str) -> bool:
    """Say whether this is one of the proxies that `TRUSTED_PROXIES` names. What is no address is none."""
    try:
        ip = _plain_address(address)
    except ValueError:
        return False
    return any(ip in network for network in settings.TRUSTED_PROXIES)


def client_address(peer: str, forwarded_for: str) -> str:
    """Return who asked: `peer` itself, or the last in its `X-Forwarded-For` who is no proxy of ours.

    Each proxy appends whom it was asked by, so the list is believed from its end, and only as far as our own proxies
    wrote it; what is no address ends it.
    """
    client = peer
    for hop in reversed(forwarded_for.split(",")):
        if not is_trusted_proxy(client):
            break
        try:
            client = str(_plain_address(hop.strip()))
        except ValueError:
            break
    return client


def _plain_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address; one of IPv4 in IPv6's clothes (::ffff:10.0.0.1) is the former."""
    ip = ipaddress.ip_address(text)
    return getattr(ip, "ipv4_mapped", None) or ip


class TrustedProxyMiddleware:
    """Lets requests that come by a trusted proxy say whom they are from, and by which scheme. Stands outermost."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with the client's own address as `REMOTE_ADDR`."""
        peer = request.META.get("REMOTE_ADDR", "")
        if is_trusted_proxy(peer):
            request.META["REMOTE_ADDR"] = client_address(peer, request.headers.get("X-Forwarded-For", ""))
            if request.headers.get("X-Forwarded-Proto") in {"http", "https"}:
                request.META["wsgi.url_scheme"] = request.headers["X-Forwarded-Proto"]
                request.META[FORWARDED_SCHEME] = request.headers["X-Forwarded-Proto"]
        return self.get_response(request)


class RequestIdMiddleware:
    """Keeps the caller's `X-Request-Id` or makes one, sends it back, and logs one line a request."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer under the request's id."""
        started = time.monotonic()
        sent = request.headers.get("X-Request-Id", "")
        chosen = sent if REQUEST_ID.fullmatch(sent) else f"req_{secrets.token_hex(12)}"
        enter_request(chosen)
        response = self.get_response(request)
        response["X-Request-Id"] = chosen
        seconds = time.monotonic() - started
        metrics.request_answered(str(request.method), route_of(request, response), response.status_code, seconds)
        log.info(
            "request",
            method=request.method,
            path=loggable_path(request),
            route=route_of(request, response),
            status=response.status_code,
            ms=round(seconds * 1000, 1),
            client=request.META.get("REMOTE_ADDR", ""),
        )
        return response


class BrowserPolicyMiddleware:
    """Lets pages load from our own origin only, run nothing inline, and come over TLS where we are reached by it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer with the policies."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", content_security_policy())
        response.headers.setdefault("Permissions-Policy", permissions_policy())
        # What customers may show on their own pages (`core/storage.py`) says so itself.
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if settings.PUBLIC_URL.startswith("https:"):
            # By what the world sees: behind a proxy that ends TLS, the request itself says http. Not for subdomains:
            # those of a company's name may be other people's, and hold things that know no TLS.
            response.headers.setdefault("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}")
        return response
