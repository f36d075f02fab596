"""Pictures in storage: names nobody guesses, and links that expire.

Every backend signs its own links (S3 and GCS by themselves, files by us). Links are made at each read and never kept.
"""

import secrets
import time
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.http import require_safe

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png"}
CONTENT_TYPES = {".webp": "image/webp"} | {f".{extension}": type_ for type_, extension in EXTENSIONS.items()}
OWN_LINK_STEP_SECONDS = 1_800


def new_name(content_type: str) -> str:
    """Return a name of 256 random bits for a picture of this type."""
    token = secrets.token_hex(32)
    return f"pictures/{token[:2]}/{token[2:]}.{EXTENSIONS[content_type]}"


def write(name: str, data: bytes) -> None:
    """Store a file under a name that `new_name` made."""
    default_storage.save(name, ContentFile(data))


def read(name: str, most: int) -> bytes:
    """Return the first `most` bytes of a stored file. Raises `FileNotFoundError`."""
    with default_storage.open(name) as file:
        return bytes(file.read(most))


def delete(name: str) -> None:
    """Delete a stored file; one that is gone already is no error."""
    if name:
        default_storage.delete(name)


def signed_url(name: str) -> str:
    """Return a link to a stored file, valid for an hour from now."""
    return default_storage.url(name)


def own_path(name: str) -> str:
    """Return a link on the page's own origin, whatever the backend: pages may load pictures from nowhere else.

    It is valid for an hour or a little longer, and the same for half an hour, so that browsers keep what it shows.
    """
    now = int(time.time())
    last = now + int(settings.OUTPUT_URL_LIFETIME.total_seconds())
    return _signed_path(name, str(last - last % -OWN_LINK_STEP_SECONDS))


def own_url(name: str) -> str:
    """Return `own_path` with our public address before it."""
    return f"{settings.PUBLIC_URL}{own_path(name)}"


def named_by(url: str, at: datetime) -> str | None:
    """Return the stored file that `url` leads to, if it is a link of ours that was valid at that moment."""
    prefix = f"{settings.PUBLIC_URL}/files/"
    if not url.startswith(prefix):
        return None
    parts = urlsplit(url)
    name = unquote(parts.path[len(urlsplit(prefix).path) :])
    query = parse_qs(parts.query)
    expires, signature = query.get("expires", [""])[0], query.get("signature", [""])[0]
    return name if _is_valid(name, expires, signature, at.timestamp()) else None


class SignedFileSystemStorage(FileSystemStorage):
    """Files in a folder, handed out by `serve` to whoever has a signed link."""

    def url(self, name: str | None) -> str:
        """Return an absolute link with its expiry (Unix seconds) and an HMAC-SHA256 over both."""
        expires = str(int(time.time() + settings.OUTPUT_URL_LIFETIME.total_seconds()))
        return f"{settings.PUBLIC_URL}{_signed_path(str(name), expires)}"


def _signed_path(name: str, expires: str) -> str:
    return f"/files/{quote(name)}?{urlencode({'expires': expires, 'signature': _signature(name, expires)})}"


def _signature(name: str, expires: str, key: str | None = None) -> str:
    return salted_hmac("zupertry.files", f"{name}\n{expires}", secret=key, algorithm="sha256").hexdigest()


def _is_valid(name: str, expires: str, signature: str, at: float) -> bool:
    """Say whether we signed this, and whether it was still valid at that moment (Unix seconds).

    What was signed before `SECRET_KEY` was changed counts while the old key is among `SECRET_KEY_FALLBACKS`.
    """
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    signed = any(constant_time_compare(signature, _signature(name, expires, key)) for key in keys)
    return signed and int(expires) >= at


@require_safe
def serve(request: HttpRequest, name: str) -> HttpResponseBase:
    """Send a stored picture to whoever holds a link that we signed and that has not expired."""
    expires, signature = request.GET.get("expires", ""), request.GET.get("signature", "")
    if not _is_valid(name, expires, signature, time.time()):
        raise Http404
    response = response_with(name)
    response["Cache-Control"] = "private, max-age=3600"
    return response


def response_with(name: str) -> HttpResponseBase:
    """Return an answer that shows a stored picture. Raises `Http404` when it is gone."""
    try:
        file = default_storage.open(name)
    except (FileNotFoundError, IsADirectoryError, SuspiciousFileOperation) as error:
        raise Http404 from error
    response = FileResponse(
        file, content_type=CONTENT_TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")
    )
    response["Content-Disposition"] = "inline"
    response["X-Content-Type-Options"] = "nosniff"
    # A customer's shop may show the picture that the link leads to: the link is what protects it.
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
