"""Whether the process is up, and whether it can work."""

import secrets
import time
from collections.abc import Callable

import structlog
from celery import current_app
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

STORAGE_SEEN_SECONDS = 1.0

log = structlog.get_logger(__name__)
_storage_seen = [float("-inf")]


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200: the process is up."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when requests can be served, else 503 with what is down. Without a broker the sweep still works."""
    down = [name for name, probe in (("database", _database), ("storage", _storage)) if not _passes(name, probe)]
    degraded = [] if _passes("broker", _broker) else ["broker"]
    status = "down" if down else "degraded" if degraded else "ok"
    return JsonResponse({"status": status, "down": down, "degraded": degraded}, status=503 if down else 200)


def _passes(name: str, probe: Callable[[], None]) -> bool:
    try:
        probe()
    except Exception:
        log.exception("not_ready", part=name)
        return False
    return True


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _storage() -> None:
    """Write and delete a file, once a second however often it is asked."""
    if time.monotonic() - _storage_seen[0] < STORAGE_SEEN_SECONDS:
        return
    name = default_storage.save(f"health/{secrets.token_hex(16)}", ContentFile(b"ok"))
    default_storage.delete(name)
    _storage_seen[0] = time.monotonic()


def _broker() -> None:
    with current_app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=1)
