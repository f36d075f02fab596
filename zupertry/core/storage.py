"""Pictures in storage: names nobody guesses, and links that expire.

Every backend signs its own links (S3 and GCS by themselves, files by us). Links are made at each read and never kept.
"""

import secrets
import time
from pathlib import PurePosixPath
from urllib.parse import quote, urlencode

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.http import require_safe

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png"}
CONTENT_TYPES = {f".{extension}": content_type for content_type, extension in EXTENSIONS.items()}


def new_name(content_type: str) -> str:
    """Return a name of 256 random bits for a picture of this type."""
    token = secrets.token_hex(32)
    return f"pictures/{token[:2]}/{token[2:]}.{EXTENSIONS[content_type]}"


def write(name: str, data: bytes) -> None:
    """Store a file under a name that `new_name` made."""
    default_storage.save(name, ContentFile(data))


def delete(name: str) -> None:
    """Delete a stored file; one that is gone already is no error."""
    if name:
        default_storage.delete(name)


def signed_url(name: str) -> str:
    """Return a link to a stored file, valid for an hour from now."""
    return default_storage.url(name)


class SignedFileSystemStorage(FileSystemStorage):
    """Files in a folder, handed out by `serve` to whoever has a signed link."""

    def url(self, name: str | None) -> str:
        """Return an absolute link with its expiry (Unix seconds) and an HMAC-SHA256 over both."""
        expires = str(int(time.time() + settings.OUTPUT_URL_LIFETIME.total_seconds()))
        query = urlencode({"expires": expires, "signature": _signature(str(name), expires)})
        return f"{settings.PUBLIC_URL}/files/{quote(str(name))}?{query}"


def _signature(name: str, expires: str) -> str:
    return salted_hmac("zupertry.files", f"{name}\n{expires}", algorithm="sha256").hexdigest()


@require_safe
def serve(request: HttpRequest, name: str) -> HttpResponseBase:
    """Send a stored picture to whoever holds a link that we signed and that has not expired."""
    expires, signature = request.GET.get("expires", ""), request.GET.get("signature", "")
    genuine = constant_time_compare(signature, _signature(name, expires))
    if not genuine or int(expires) < time.time():
        raise Http404
    try:
        file = default_storage.open(name)
    except (FileNotFoundError, IsADirectoryError, SuspiciousFileOperation) as error:
        raise Http404 from error
    response = FileResponse(
        file, content_type=CONTENT_TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")
    )
    response["Cache-Control"] = "private, max-age=3600"
    response["Content-Disposition"] = "inline"
    response["X-Content-Type-Options"] = "nosniff"
    return response
