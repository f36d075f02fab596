"""The attempts that this process has under way, which it hands back when it is told to stop."""

import threading

from django.db.models import F

from accounts.models import WebhookDelivery
from zupertry.core.slots import Slots


class InFlight:
    """Knows each attempt from its claim to its answer. Thread safe."""

    def __init__(self) -> None:
        self._attempts: set[tuple[str, int]] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return len(self._attempts)

    def begin(self, delivery: WebhookDelivery) -> None:
        """Note that `delivery`'s present attempt is under way."""
        with self._lock:
            self._attempts.add((delivery.id, delivery.attempt))

    def end(self, delivery: WebhookDelivery) -> bool:
        """Note that the attempt is over. False: it has been handed back, and what came of it counts no more."""
        with self._lock:
            kept = (delivery.id, delivery.attempt) in self._attempts
            self._attempts.discard((delivery.id, delivery.attempt))
            return kept

    def hand_back(self) -> list[str]:
        """Let every delivery be due as if its attempt had not begun. Returns the deliveries' ids."""
        with self._lock:
            attempts, self._attempts = self._attempts, set()
        for delivery_id, number in attempts:
            mine = WebhookDelivery.objects.filter(id=delivery_id, attempt=number, lease_expires_at__isnull=False)
            mine.update(attempt=F("attempt") - 1, lease_expires_at=None)
        return [delivery_id for delivery_id, _ in attempts]


in_flight = InFlight()
slots = Slots()
"""For the attempts of this process: servers that hang leave the other threads to jobs."""
