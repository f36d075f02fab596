"""A small task through each queue, each minute: a worker that is alive and does nothing shows by its silence.

Beat sends them, and the worker that runs one writes down that it did. Both go by the database's clock.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery.signals import before_task_publish
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection
from django.db.models.functions import Coalesce, Now

from zupertry.models import Canary

TASK = "zupertry.canary"
SILENT = timedelta(minutes=3)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Trail:
    """What is known of a queue's canaries. The ages are None where there is nothing to be as old as that."""

    queue: str
    sent: timedelta | None
    unanswered: timedelta | None
    succeeded: timedelta | None

    @property
    def is_silent(self) -> bool:
        """Whether canaries have been sent for 3 minutes and none was answered."""
        return self.unanswered is not None and self.unanswered > SILENT


def queues() -> list[str]:
    """Return the names of the queues that workers take from."""
    return [queue.name for queue in settings.CELERY_TASK_QUEUES]


def note_sent(queue: str) -> None:
    """Write down that a canary is being sent."""
    Canary.objects.bulk_create([Canary(queue=queue)], ignore_conflicts=True)
    Canary.objects.filter(queue=queue).update(sent_at=Now(), unanswered_since=Coalesce("unanswered_since", Now()))


def note_success(queue: str) -> None:
    """Write down that a worker has run a canary."""
    Canary.objects.bulk_create([Canary(queue=queue)], ignore_conflicts=True)
    Canary.objects.filter(queue=queue).update(succeeded_at=Now(), unanswered_since=None)


def trails() -> list[Trail]:
    """Return every queue's trail, those that no canary was ever sent through with nothing known."""
    rows: Iterable[Any] = Canary.objects.annotate(now=Now()).values_list(
        "queue", "now", "sent_at", "unanswered_since", "succeeded_at"
    )
    known = {queue: Trail(queue, *_ages(now, times)) for queue, now, *times in rows}
    return [known.get(queue) or Trail(queue, None, None, None) for queue in queues()]


def _ages(now: datetime, times: Iterable[datetime | None]) -> Iterator[timedelta | None]:
    return (now - at if at else None for at in times)


def silent_queues() -> list[str]:
    """Return the queues whose canaries nobody has answered for 3 minutes."""
    return [trail.queue for trail in trails() if trail.is_silent]


def last_successes() -> dict[str, datetime]:
    """Return when a worker last ran a canary, by queue; a queue where none ever did is missing."""
    return {
        queue: succeeded_at
        for queue, succeeded_at in Canary.objects.filter(queue__in=queues()).values_list("queue", "succeeded_at")
        if succeeded_at
    }


@before_task_publish.connect(sender=TASK)
def _note_sending(body: Sequence[Sequence[str]], **_: object) -> None:
    """Note whoever sends one: beat, or the laptop's thread in its place. A canary is sent without its note, too."""
    if not connection.in_atomic_block:
        close_old_connections()
    try:
        note_sent(body[0][0])
    except DatabaseError as error:
        log.warning("canary_not_noted", queue=body[0][0], error=str(error))
