"""Stopping a delivery: against an attempt in flight, and against a replay."""

import threading

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, WebhookDelivery
from accounts.tests.conftest import attempts, deliver, recorded
from accounts.webhooks import delivery
from accounts.webhooks.in_flight import in_flight
from accounts.webhooks.replay import replay
from accounts.webhooks.stop import stop
from zupertry.testing.broker import Woken, drain
from zupertry.testing.live import until
from zupertry.testing.receiver import Received, WebhookReceiver
from zupertry.testing.threads import at_once, in_thread
from zupertry.testing.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback")]

SAM = "staff:usr_06h0lr6jrlqjl1uo4mc5cohu7k"


def row(delivery_id: str) -> WebhookDelivery:
    return WebhookDelivery.objects.select_related("organisation").get(id=delivery_id)


def stopped(delivery_id: str) -> bool:
    return stop(row(delivery_id), actor=SAM, reason="The server is gone")


def held_back(receiver: WebhookReceiver, status: int) -> threading.Event:
    """Let the answer to what comes in wait for the event that is returned."""
    release = threading.Event()

    def respond(_received: Received) -> int:
        release.wait(10)
        return status

    receiver.respond = respond
    return release


def test_what_waits_is_attempted_no_more_and_who_stopped_it_is_written_down(
    world: World, receiver: WebhookReceiver
) -> None:
    receiver.respond = lambda _received: 500
    id_ = recorded(world.alice.org_id, receiver.url())
    assert deliver(id_).status == "retrying"
    assert at_once([lambda: stopped(id_)] * 4).count(True) == 1
    after = row(id_)
    assert (after.status, after.next_attempt_at) == ("failed", None)
    WebhookDelivery.objects.filter(id=id_).update(lease_expires_at=None)
    drain()
    assert delivery.sweep() == 0
    assert deliver(id_).attempt == 1
    assert len(receiver.received) == 1
    entry = AuditEntry.objects.get(action="webhook.stopped")
    assert (entry.organisation_id, entry.actor, entry.subject) == (world.alice.org_id, SAM, id_)
    assert entry.reason == "The server is gone"


@pytest.mark.parametrize("answer", [204, 500])
def test_an_attempt_in_flight_does_not_bring_it_back(world: World, receiver: WebhookReceiver, answer: int) -> None:
    release = held_back(receiver, answer)
    id_ = recorded(world.alice.org_id, receiver.url())
    flying = in_thread(delivery.deliver, id_)
    until(lambda: receiver.in_flight == 1)
    assert stopped(id_)
    drain()
    release.set()
    flying.join(10)
    after = row(id_)
    assert (after.status, after.next_attempt_at, after.attempt) == ("failed", None, 1)
    assert attempts(id_) == []
    assert drain() == []


def test_no_replay_begins_before_the_attempt_that_was_in_flight_is_over(
    world: World, receiver: WebhookReceiver
) -> None:
    """Its answer would be taken for the replay's."""
    release = held_back(receiver, 204)
    id_ = recorded(world.alice.org_id, receiver.url())
    flying = in_thread(delivery.deliver, id_)
    until(lambda: receiver.in_flight == 1)
    assert stopped(id_)
    assert not replay(row(id_), actor=SAM)
    release.set()
    flying.join(10)
    WebhookDelivery.objects.filter(id=id_).update(lease_expires_at=timezone.now())
    drain()
    assert replay(row(id_), actor=SAM, reason="It is back")
    assert drain() == [Woken("accounts.deliver", id_)]
    assert deliver(id_).status == "delivered"
    assert [attempt.number for attempt in attempts(id_)] == [2]
    assert AuditEntry.objects.get(action="webhook.replayed").reason == "It is back"


def test_a_worker_that_is_stopped_itself_does_not_bring_it_back_either(world: World, receiver: WebhookReceiver) -> None:
    release = held_back(receiver, 204)
    id_ = recorded(world.alice.org_id, receiver.url())
    flying = in_thread(delivery.deliver, id_)
    until(lambda: receiver.in_flight == 1)
    assert stopped(id_)
    in_flight.hand_back()
    assert (row(id_).status, row(id_).next_attempt_at) == ("failed", None)
    assert delivery.sweep() == 0
    release.set()
    flying.join(10)


def test_what_has_ended_is_not_stopped(world: World, receiver: WebhookReceiver) -> None:
    id_ = recorded(world.alice.org_id, receiver.url())
    assert deliver(id_).status == "delivered"
    assert not stopped(id_)
    assert row(id_).status == "delivered"
    assert not AuditEntry.objects.filter(action="webhook.stopped").exists()
