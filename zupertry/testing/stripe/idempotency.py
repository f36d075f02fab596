"""The same answer to the same request: https://docs.stripe.com/api/idempotent_requests"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from zupertry.testing.stripe.errors import RefusedError


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer with a JSON body."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


class IdempotencyKeys:
    """What was answered under each key. A refusal that began nothing is not kept."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[object, Answer | None]] = {}
        self._lock = threading.Lock()

    def answer(self, key: str, asked: object, work: Callable[[], Answer]) -> Answer:
        """Return what `work` answers, or answered before.

        Raises `RefusedError`: 400 if something else was asked under the key, 409 while it is being answered.
        """
        with self._lock:
            if key in self._kept:
                return self._again(key, asked)
            self._kept[key] = (asked, None)
        answer = None
        try:
            answer = work()
            return answer
        finally:
            with self._lock:
                if answer:
                    self._kept[key] = (asked, answer)
                else:
                    del self._kept[key]

    def _again(self, key: str, asked: object) -> Answer:
        asked_before, answer = self._kept[key]
        if asked_before != asked:
            raise RefusedError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
                type_="idempotency_error",
            )
        if answer is None:
            raise RefusedError(
                409,
                f"There is currently another in-progress request using this idempotent key ({key}).",
                type_="idempotency_error",
                code="idempotency_key_in_use",
            )
        return replace(answer, headers={**answer.headers, "Idempotent-Replayed": "true"})
