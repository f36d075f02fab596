"""Where the pictures are."""

import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from zupertry.doctor.finding import Finding, broken, ok, warning

FETCH_SECONDS = 4.0


def writable() -> None:
    """Raise what is wrong with the storage, if a file can't be written and deleted."""
    default_storage.delete(default_storage.save(f"health/{secrets.token_hex(16)}", ContentFile(b"ok")))


def storage() -> Iterator[Finding]:
    """Write a file, read it, fetch it by its signed link, and delete it."""
    data = secrets.token_bytes(64)
    name = default_storage.save(f"health/{secrets.token_hex(16)}", ContentFile(data))
    try:
        with default_storage.open(name) as file:
            if file.read() != data:
                yield broken("what is read is not what was written.", "Look at the store's own log and health.")
                return
        yield _by_link(default_storage.url(name), data)
    finally:
        default_storage.delete(name)


def _by_link(url: str, data: bytes) -> Finding:
    where = f"{settings.STORAGE}{f' ({settings.STORAGE_BUCKET})' if settings.STORAGE_BUCKET else ''}"
    try:
        status, body = _fetch(url)
    except urllib3.exceptions.HTTPError as error:
        found = f"{where}: a file is written and read, but nobody answers at {_host(url)} ({type(error).__name__})"
        if settings.STORAGE == "file":  # which is us, and may not have been started yet
            return ok(found) if settings.ON_ONE_MACHINE else warning(f"{found}.", "Start the web, or check PUBLIC_URL.")
        return broken(f"{found}.", "Check that customers' machines, and this one, reach the store's address.")
    if (status, body) == (200, data):
        return ok(f"{where}: a file is written, read, fetched by its signed link, and deleted")
    return broken(
        f"{where}: its signed link is answered with HTTP {status}{'' if status != 200 else ' and other data'}.",
        "Web and worker need the same SECRET_KEY, VAR_DIR and PUBLIC_URL."
        if settings.STORAGE == "file"
        else "Check that the key may read objects, the bucket's region, and this machine's clock.",
    )


def _fetch(url: str) -> tuple[int, bytes]:
    """Return status and body. Links of our own are asked for on this machine where nobody answers outside."""
    with urllib3.PoolManager(timeout=FETCH_SECONDS / 2, retries=False) as http:
        try:
            answer = http.request("GET", url, redirect=False)
        except urllib3.exceptions.HTTPError:
            if settings.STORAGE != "file":
                raise
            parts = urlsplit(url)
            inside = f"http://127.0.0.1:{settings.PORT}{parts.path}?{parts.query}"
            answer = http.request("GET", inside, headers={"Host": parts.netloc}, redirect=False)
        return answer.status, answer.data


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
