"""How many calls each engine has in flight in this process, and which jobs wait for one to end."""

import threading
from collections import defaultdict


class Slots:
    """A job is claimed only when its engine has a free slot; the others wait here, in the order in which they came."""

    def __init__(self) -> None:
        self._taken: defaultdict[str, int] = defaultdict(int)
        self._waiting: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._closed = False
        self._lock = threading.Lock()

    def take(self, engine: str, limit: int, job_id: str) -> bool:
        """Take a slot for a job, or have the job wait for one. Once closed there is neither."""
        with self._lock:
            if self._closed:
                return False
            if self._taken[engine] >= limit:
                self._waiting[engine][job_id] = None
                return False
            self._taken[engine] += 1
            return True

    def pass_on(self, engine: str) -> str | None:
        """Pass a slot on to the job that has waited longest, and return its id; with nobody waiting, free the slot."""
        with self._lock:
            waiting = self._waiting[engine]
            if waiting:
                job_id = next(iter(waiting))
                del waiting[job_id]
                return job_id
            self._taken[engine] -= 1
            return None

    def __len__(self) -> int:
        """Return how many slots are taken, of all engines together."""
        with self._lock:
            return sum(self._taken.values())

    def close(self) -> list[str]:
        """Admit nobody more, when the process stops. Returns the ids of the jobs that waited."""
        with self._lock:
            self._closed = True
            waited = [job_id for waiting in self._waiting.values() for job_id in waiting]
            self._waiting.clear()
            return waited


slots = Slots()
