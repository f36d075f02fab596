"""Canaries: what their trail says of a queue, and that they are sent and answered."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from zupertry import canary
from zupertry.models import Canary
from zupertry.tasks import sing
from zupertry.testing.broker import drain

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(minutes=10)


def trail(queue: str = "tryon") -> canary.Trail:
    return next(trail for trail in canary.trails() if trail.queue == queue)


def earlier(by: timedelta = LONG_AGO) -> None:
    """Let what happened have happened earlier."""
    for row in Canary.objects.all():
        for name in ("sent_at", "unanswered_since", "succeeded_at"):
            if at := getattr(row, name):
                setattr(row, name, at - by)
        row.save()


def test_of_a_queue_that_was_never_sent_one_nothing_is_known() -> None:
    assert canary.trails() == [canary.Trail(queue, None, None, None) for queue in ("tryon", "webhooks", "default")]
    assert canary.silent_queues() == []
    assert canary.last_successes() == {}


def test_one_that_is_answered_at_once() -> None:
    canary.note_sent("tryon")
    canary.note_success("tryon")
    seen = trail()
    assert seen.sent is not None
    assert seen.unanswered is None
    assert seen.succeeded is not None
    assert abs(canary.last_successes()["tryon"] - timezone.now()) < timedelta(minutes=1)
    assert canary.last_successes().keys() == {"tryon"}


def test_a_queue_is_silent_when_the_oldest_that_nobody_answered_is_three_minutes_old() -> None:
    canary.note_sent("tryon")
    earlier(timedelta(minutes=2))
    canary.note_sent("tryon")
    assert canary.silent_queues() == []
    earlier(timedelta(minutes=2))
    canary.note_sent("tryon")
    assert canary.silent_queues() == ["tryon"]
    canary.note_success("tryon")
    assert canary.silent_queues() == []


def test_a_queue_is_not_silent_because_nobody_has_sent_anything() -> None:
    """That is beat's silence: a laptop that was off for the night is well at once."""
    canary.note_sent("tryon")
    canary.note_success("tryon")
    earlier()
    assert canary.silent_queues() == []
    canary.note_sent("tryon")
    assert canary.silent_queues() == []


def test_a_queue_that_there_is_no_more_is_forgotten() -> None:
    canary.note_sent("of-yesterday")
    canary.note_success("of-yesterday")
    earlier()
    canary.note_sent("of-yesterday")
    earlier()
    assert canary.silent_queues() == []
    assert canary.last_successes() == {}


def test_whoever_sends_one_notes_it_and_the_worker_that_runs_it() -> None:
    sing.apply_async(("webhooks",), queue="webhooks")
    assert trail("webhooks").unanswered is not None
    assert [(woken.task, woken.subject) for woken in drain()] == [("zupertry.canary", "webhooks")]
    sing("webhooks")
    assert trail("webhooks").unanswered is None


def test_without_its_note_it_is_sent_all_the_same() -> None:
    def away(*_: object) -> None:
        raise OperationalError("the database is away")

    with connection.execute_wrapper(away):
        sing.apply_async(("webhooks",), queue="webhooks")
    assert [woken.task for woken in drain()] == ["zupertry.canary"]


def test_beat_sends_one_through_each_queue_each_minute(settings) -> None:
    sent = {
        entry["options"]["queue"]: (entry["args"], entry["schedule"])
        for entry in settings.CELERY_BEAT_SCHEDULE.values()
        if entry["task"] == sing.name
    }
    assert sent == {queue: ((queue,), timedelta(minutes=1)) for queue in ("tryon", "webhooks", "default")}
    assert list(sent) == canary.queues()
    assert sing.expires == canary.SILENT.total_seconds(), "those that nobody takes don't pile up"


@pytest.mark.django_db(transaction=True)
def test_a_silent_queue_degrades_and_its_service_is_ready(client) -> None:
    canary.note_sent("default")
    earlier()
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "degraded", "down": [], "degraded": ["queue:default"]}
