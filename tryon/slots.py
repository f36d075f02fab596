"""How many calls each engine has in flight in this process, and which jobs wait for one to end."""

import threading
from collections import defaultdict


class Slots:
    """A job is claimed only when its engine has a free slot; the others wait here, in the order in which they came."""

    def __init__(self) -> None:
        self._taken: defaultdict[str, int] = defaultdict(int)
        self._waiting: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._lock = threading.Lock()

    def take(self, engine: str, limit: int, job_id: str) -> bool:
        """Take a slot for a job, or have the job wait for one."""
        with self._lock:
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

    def turn_away(self) -> None:
        """Forget who waits, when the process stops. The sweep finds them."""
        with self._lock:
            self._waiting.clear()


slots = Slots()
