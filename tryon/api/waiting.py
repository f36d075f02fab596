"""`?wait=`: holds an answer until the job ends, for a few callers at a time."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tryon.models import Job
from zupertry.core.connections import release_connection

MAX_WAITERS = 16
MAX_WAITERS_PER_ORGANISATION = 4
FIRST_POLL_SECONDS = 0.25
LAST_POLL_SECONDS = 1.0
ENDED = frozenset({Job.Status.COMPLETED, Job.Status.FAILED, Job.Status.CANCELLED, Job.Status.REFUNDED})


class Waiters:
    """The callers that this process keeps waiting."""

    def __init__(self) -> None:
        self._by_organisation: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def admit(self, organisation_id: str) -> Iterator[bool]:
        """Say whether one more caller may wait, and count it for as long as the block runs."""
        with self._lock:
            admitted = (
                self._by_organisation.total() < MAX_WAITERS
                and self._by_organisation[organisation_id] < MAX_WAITERS_PER_ORGANISATION
            )
            self._by_organisation[organisation_id] += admitted
        try:
            yield admitted
        finally:
            with self._lock:
                self._by_organisation[organisation_id] -= admitted
                self._by_organisation += Counter()  # drops the zeros


waiters = Waiters()
stopping = threading.Event()
"""Set when the process stops: whoever waits is answered at once."""


def wait_for_end(job: Job, seconds: float) -> None:
    """Return once the job has ended, or after `seconds`; at once when too many wait already."""
    if seconds <= 0 or job.status in ENDED:
        return
    with waiters.admit(job.organisation_id) as admitted:
        if admitted:
            _poll(job.id, time.monotonic() + seconds)


def _poll(job_id: str, end: float) -> None:
    pause = FIRST_POLL_SECONDS
    while (left := end - time.monotonic()) > 0:
        release_connection()
        if stopping.wait(min(pause, left)):
            return
        pause = min(pause * 2, LAST_POLL_SECONDS)
        if Job.objects.filter(id=job_id, status__in=ENDED).exists():
            return
