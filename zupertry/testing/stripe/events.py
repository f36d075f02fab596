"""The account's events: signed, and posted again until they are taken.

https://docs.stripe.com/api/events/object · https://docs.stripe.com/webhooks#verify-manually
"""

import copy
import hashlib
import hmac
import json
import secrets
import threading
import time
import urllib.error
import urllib.request
from typing import Any

API_VERSION = "2026-10-28.endive"
_RETRY_AFTER_SECONDS = (0.0, 0.2, 0.5, 1.0, 2.0)
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def signature(body: bytes, secret: str, timestamp: int) -> str:
    """Return the `Stripe-Signature` header of `body`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={digest.hexdigest()}"


def new_event(type_: str, value: dict[str, Any], *, livemode: bool, **data: Any) -> dict[str, Any]:
    """Return an event that holds `value` as it is now."""
    return {
        "id": f"evt_{secrets.token_hex(12)}",
        "object": "event",
        "api_version": API_VERSION,
        "created": int(time.time()),
        "data": {"object": copy.deepcopy(value), **data},
        "livemode": livemode,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": type_,
    }


class EventSender:
    """Posts events to `events_to`, each on a thread of its own, so in no certain order. Empty: they are only kept."""

    def __init__(self, secret: str, events_to: str, *, livemode: bool) -> None:
        self.secret = secret
        self.events_to = events_to
        self.hold_events = False
        self.events: list[dict[str, Any]] = []
        self._livemode = livemode
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def emit(self, type_: str, value: dict[str, Any], **data: Any) -> None:
        """Keep an event about `value`, and have it posted unless events are held."""
        event = new_event(type_, value, livemode=self._livemode, **data)
        self.events.append(event)
        if self.events_to and not self.hold_events:
            thread = threading.Thread(target=self._post_until_taken, args=[event], name="stripe-event", daemon=True)
            self._threads.append(thread)
            thread.start()

    def deliver(self, event: dict[str, Any]) -> int:
        """Post an event now, once, and return the HTTP status; 0 when nobody answers."""
        body = json.dumps(event).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(body, self.secret, int(time.time())),
        }
        request = urllib.request.Request(self.events_to, body, headers)
        try:
            with _opener.open(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def wait_for_events(self, seconds: float = 10.0) -> None:
        """Return when every event so far was taken or given up. Raises `TimeoutError`."""
        until = time.monotonic() + seconds
        for thread in list(self._threads):
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                raise TimeoutError(f"Events are still under way after {seconds:g} s.")

    def stop(self) -> None:
        """Give up what is not taken yet."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(1.0)

    def _post_until_taken(self, event: dict[str, Any]) -> None:
        for delay in _RETRY_AFTER_SECONDS:
            if self._stopping.wait(delay) or 200 <= self.deliver(event) < 300:
                return
