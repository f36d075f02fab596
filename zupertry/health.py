"""Whether the process is up, and whether it can work."""

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait

import structlog
from celery import current_app
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

PROBE_SECONDS = 4.0
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
    """Answer 200 when requests can be served, else 503 with what is down. Without a broker the sweep still works.

    A part that has said nothing for 4 seconds is down.
    """
    ready = parts()
    down = [part for part in ("database", "storage") if not ready[part]]
    degraded = [] if ready["broker"] else ["broker"]
    status = "down" if down else "degraded" if degraded else "ok"
    return JsonResponse({"status": status, "down": down, "degraded": degraded}, status=503 if down else 200)


def parts() -> dict[str, bool]:
    """Ask every part at once, and say of each whether it has answered within 4 seconds."""
    running = {part: probe.run() for part, probe in PROBES.items()}
    wait(running.values(), PROBE_SECONDS)
    return {part: _passed(part, result) for part, result in running.items()}


def _passed(part: str, result: Future[None]) -> bool:
    try:
        result.result(timeout=0)
    except Exception:
        log.exception("not_ready", part=part)
        return False
    return True


class Probe:
    """Asks a part of the service how it is, on a thread of its own: libraries hang for minutes where a part is down."""

    def __init__(self, part: str, ask: Callable[[], None]) -> None:
        self._part = part
        self._ask = ask
        self._lock = threading.Lock()
        self._result: Future[None] | None = None

    def run(self) -> Future[None]:
        """Return what comes of asking; while a question hangs, everybody waits for the answer to that one."""
        with self._lock:
            if self._result is None or self._result.done():
                self._result = Future()
                name = f"probe {self._part}"
                threading.Thread(target=self._answer, args=(self._result,), name=name, daemon=True).start()
            return self._result

    def _answer(self, result: Future[None]) -> None:
        try:
            self._ask()
        except BaseException as error:
            result.set_exception(error)
        else:
            result.set_result(None)
        finally:
            connection.close()


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


PROBES = {part: Probe(part, ask) for part, ask in (("database", _database), ("storage", _storage), ("broker", _broker))}
