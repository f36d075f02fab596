"""Whether the process is up, and whether it can work."""

import time
from concurrent.futures import Future, wait
from typing import Any

import structlog
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from zupertry import canary
from zupertry.doctor import database, queues, storage
from zupertry.doctor.probe import Probe

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

    A part that has said nothing for 4 seconds is down. A queue whose canaries nobody has answered for 3 minutes is
    degraded.
    """
    silent = SILENT_QUEUES.run()
    ready = parts()
    down = [part for part in ("database", "storage") if not ready[part]]
    degraded = [] if ready["broker"] else ["broker"]
    if "database" not in down:
        wait([silent], PROBE_SECONDS)
        if _passed("queues", silent):
            degraded += [f"queue:{queue}" for queue in silent.result()]
    status = "down" if down else "degraded" if degraded else "ok"
    return JsonResponse({"status": status, "down": down, "degraded": degraded}, status=503 if down else 200)


def parts() -> dict[str, bool]:
    """Ask every part at once, and say of each whether it has answered within 4 seconds."""
    running = {part: probe.run() for part, probe in PROBES.items()}
    wait(running.values(), PROBE_SECONDS)
    return {part: _passed(part, result) for part, result in running.items()}


def _passed(part: str, result: Future[Any]) -> bool:
    try:
        result.result(timeout=0)
    except Exception:
        log.exception("not_ready", part=part)
        return False
    return True


def _storage() -> None:
    """Write and delete a file, once a second however often it is asked."""
    if time.monotonic() - _storage_seen[0] < STORAGE_SEEN_SECONDS:
        return
    storage.writable()
    _storage_seen[0] = time.monotonic()


PROBES: dict[str, Probe[None]] = {
    "database": Probe("database", database.reachable),
    "storage": Probe("storage", _storage),
    "broker": Probe("broker", queues.reachable),
}
SILENT_QUEUES = Probe("queues", canary.silent_queues)
