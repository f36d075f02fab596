"""How Razorpay tells a merchant what happened: https://razorpay.com/docs/webhooks."""

import hashlib
import hmac
import http.client
import json
import queue
import secrets
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

RETRY_SECONDS = (0.1, 0.5, 2.0)
"""Razorpay tries for a day; these are enough to outlast a restart."""

_ANSWER_SECONDS = 10
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@dataclass(frozen=True, slots=True)
class Told:
    """One event. Sent again it has the same id."""

    id: str
    type: str
    body: bytes
    signature: str

    @property
    def headers(self) -> dict[str, str]:
        """What it is sent with."""
        return {
            "Content-Type": "application/json",
            "X-Razorpay-Event-Id": self.id,
            "X-Razorpay-Signature": self.signature,
        }


class Courier:
    """Signs events with `secret` and posts them to `to` on a thread of its own; nowhere while that is empty."""

    def __init__(self, secret: str, to: str) -> None:
        self.to = to
        self.told: list[Told] = []
        self.holding = False
        self._secret = secret
        self._waiting: queue.Queue[Told | None] = queue.Queue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="razorpay-events", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, whatever is still waiting."""
        self._stopping.set()
        self._waiting.put(None)
        self._thread.join()

    def tell(self, type_: str, **entities: dict[str, Any]) -> None:
        """Send an event about these entities, as they are now."""
        event = {
            "entity": "event",
            "account_id": "acc_Zupertry000000",
            "event": type_,
            "contains": list(entities),
            "payload": {name: {"entity": entity} for name, entity in entities.items()},
            "created_at": int(time.time()),
        }
        body = json.dumps(event).encode()
        signature = hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
        told = Told(secrets.token_hex(7), type_, body, signature)
        self.told.append(told)
        if self.to and not self.holding:
            self._waiting.put(told)

    def post(self, told: Told) -> int:
        """Post an event once and return the status of the answer; 0 if none came."""
        request = urllib.request.Request(self.to, told.body, told.headers, method="POST")
        try:
            with _open(request, timeout=_ANSWER_SECONDS) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, http.client.HTTPException):
            return 0

    def wait(self) -> None:
        """Return once everything told has been delivered, or given up."""
        self._waiting.join()

    def _work(self) -> None:
        while told := self._waiting.get():
            self._deliver(told)
            self._waiting.task_done()

    def _deliver(self, told: Told) -> None:
        for pause in (*RETRY_SECONDS, 0.0):
            if self._stopping.is_set() or 200 <= self.post(told) < 300:
                return
            self._stopping.wait(pause)
