"""Keeps the leases of the attempts that this process works on, and gives them back when it is told to stop."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from tryon.models import Job
from zupertry.core.connections import release_connection

ATTEMPT_SECONDS = 150.0
"""An attempt that lasts longer is stuck: its lease is no longer renewed, and another worker takes the job over."""

log = structlog.get_logger(__name__)


class LeaseKeeper:
    """Renews leases every third of their length, from one thread however many attempts there are."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, int], float] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def hold(self, job: Job) -> Iterator[None]:
        """Renew the lease of `job`'s present attempt for as long as the block runs, 150 s at most."""
        attempt = (job.id, job.attempt)
        with self._lock:
            self._held[attempt] = time.monotonic() + ATTEMPT_SECONDS
            if self._thread is None:
                self._thread = threading.Thread(target=self._renew_for_ever, name="leases", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(attempt, None)

    def __len__(self) -> int:
        with self._lock:
            return len(self._held)

    def hand_back(self) -> list[str]:
        """Let every attempt's lease end now, so that another worker takes over at once. Returns the jobs' ids."""
        with self._writing:  # a renewal that is under way must not come after this
            with self._lock:
                attempts, self._held = list(self._held), {}
            self._mine(attempts).update(lease_expires_at=timezone.now(), handed_back=F("handed_back") + 1)
        return [job_id for job_id, _ in attempts]

    def _renew_for_ever(self) -> None:
        while True:
            time.sleep(settings.JOB_LEASE_SECONDS / 3)
            try:
                self._renew()
                release_connection()
            except Exception:
                # Whatever it was, the next round tries again: without this thread every long job would be lost.
                log.exception("leases_not_renewed", attempts=len(self))

    def _renew(self) -> None:
        with self._writing:
            with self._lock:
                attempts = [attempt for attempt, stuck_at in self._held.items() if time.monotonic() < stuck_at]
            lease = timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)
            self._mine(attempts).update(lease_expires_at=lease)

    @staticmethod
    def _mine(attempts: list[tuple[str, int]]) -> QuerySet[Job]:
        if not attempts:
            return Job.objects.none()
        mine = Q()
        for job_id, number in attempts:
            mine |= Q(id=job_id, attempt=number)
        return Job.objects.filter(mine, status=Job.Status.PROCESSING)


keeper = LeaseKeeper()
