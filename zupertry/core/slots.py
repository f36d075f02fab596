"""How much of a kind of work this process has in flight, and what waits for some of it to end."""

import threading
from collections import defaultdict


class Slots:
    """Work is begun only when its kind has a free slot; the rest waits here, in the order in which it came."""

    def __init__(self) -> None:
        self._taken: defaultdict[str, int] = defaultdict(int)
        self._waiting: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._closed = False
        self._lock = threading.Lock()

    def take(self, kind: str, limit: int, work_id: str) -> bool:
        """Take one of the `limit` slots of a kind, or have the work wait for one. Once closed there is neither."""
        with self._lock:
            if self._closed:
                return False
            if self._taken[kind] >= limit:
                self._waiting[kind][work_id] = None
                return False
            self._taken[kind] += 1
            return True

    def pass_on(self, kind: str) -> str | None:
        """Pass a slot on to what has waited longest, and return its id; with nothing waiting, free the slot."""
        with self._lock:
            work_id = self._first_waiting(kind)
            if work_id is None:
                self._taken[kind] -= 1
            return work_id

    def free(self, kind: str) -> str | None:
        """Free a slot, and return the id of what has waited longest, which waits no more: it may try again."""
        with self._lock:
            self._taken[kind] -= 1
            return self._first_waiting(kind)

    def _first_waiting(self, kind: str) -> str | None:
        """Have what has waited longest wait no more, and return its id."""
        work_id = next(iter(self._waiting[kind]), None)
        if work_id is not None:
            del self._waiting[kind][work_id]
        return work_id

    def __len__(self) -> int:
        """Return how many slots are taken, of all kinds together."""
        with self._lock:
            return sum(self._taken.values())

    def close(self) -> list[str]:
        """Admit nothing more, when the process stops. Returns the ids of what waited."""
        with self._lock:
            self._closed = True
            waited = [work_id for waiting in self._waiting.values() for work_id in waiting]
            self._waiting.clear()
            return waited
