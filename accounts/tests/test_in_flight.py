"""Deliveries beside each other: few at a time to one server, each by one worker, and none lost with its worker."""

import threading
import time
from datetime import timedelta
from functools import partial

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.models import WebhookDelivery
from accounts.tests.conftest import attempts, deliver, recorded
from accounts.webhooks import delivery
from accounts.webhooks.delivery import LEASE
from accounts.webhooks.in_flight import in_flight
from zupertry.testing.broker import Woken, drain
from zupertry.testing.live import until
from zupertry.testing.receiver import Received, WebhookReceiver
from zupertry.testing.threads import at_once, in_thread
from zupertry.testing.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback")]


def work_until_idle() -> None:
    """Do what has been published, as workers do, until nothing is."""
    while woken := [each.subject for each in drain() if not each.delayed]:
        at_once([partial(delivery.deliver, subject) for subject in woken])


def test_no_more_than_four_are_in_flight_to_one_server_and_its_room_is_passed_on(
    world: World, receiver: WebhookReceiver
) -> None:
    def respond(_received: Received) -> int:
        """Answer once four have come in together, so that a slow machine shows as many as a quick one."""
        end = time.monotonic() + 10
        while receiver.most_in_flight < 4 and time.monotonic() < end:
            time.sleep(0.01)
        return 204

    receiver.respond = respond
    for number in range(20):
        recorded(world.alice.org_id, receiver.url(f"/{number}"), number)
    work_until_idle()
    assert len(receiver.received) == 20
    assert len({webhook.path for webhook in receiver.received}) == 20
    assert receiver.most_in_flight == 4


def test_each_organisation_has_its_own_share_of_a_server(world: World, receiver: WebhookReceiver) -> None:
    everybody_is_in = threading.Barrier(8)
    receiver.respond = lambda _received: 200 if everybody_is_in.wait(10) >= 0 else 500
    both = (world.alice.org_id, world.charlie.org_id)
    ids = [recorded(org_id, receiver.url(), number) for number in range(4) for org_id in both]
    at_once([partial(delivery.deliver, id_) for id_ in ids])
    assert receiver.most_in_flight == 8
    assert WebhookDelivery.objects.filter(status="delivered").count() == 8


def test_a_hanging_server_does_not_hold_up_another(world: World, receiver: WebhookReceiver) -> None:
    release = threading.Event()
    with WebhookReceiver(lambda _received: 200 if release.wait(10) else 500) as hanging:
        stuck = [recorded(world.alice.org_id, hanging.url(), number) for number in range(8)]
        threads = [in_thread(delivery.deliver, id_) for id_ in stuck]
        until(lambda: hanging.in_flight == 4)
        for number in range(8):
            assert deliver(recorded(world.alice.org_id, receiver.url(), number)).status == "delivered"
        assert (hanging.in_flight, hanging.received) == (4, [])
        release.set()
        for thread in threads:
            thread.join(10)
        work_until_idle()
        assert len(hanging.received) == 8


def test_servers_that_hang_leave_threads_of_the_process_to_jobs(
    world: World, receiver: WebhookReceiver, settings
) -> None:
    settings.MAX_DELIVERIES = 2
    release = threading.Event()
    with WebhookReceiver(lambda _received: 200 if release.wait(10) else 500) as hanging:
        stuck = [recorded(world.alice.org_id, hanging.url(), number) for number in range(2)]
        threads = [in_thread(delivery.deliver, id_) for id_ in stuck]
        until(lambda: hanging.in_flight == 2)
        waiting = recorded(world.charlie.org_id, receiver.url())
        drain()
        assert deliver(waiting).status == "pending", "it is turned away, and its thread is free for a job"
        release.set()
        for thread in threads:
            thread.join(10)
        assert drain() == [Woken("accounts.deliver", waiting)]
        assert deliver(waiting).status == "delivered"


def test_room_is_passed_on_too_when_another_worker_was_faster(world: World, receiver: WebhookReceiver) -> None:
    """Two that end at once wake the same third; whoever finds it taken wakes a fourth."""
    taken, waiting = [recorded(world.alice.org_id, receiver.url(), number) for number in range(2)]
    WebhookDelivery.objects.filter(id=taken).update(lease_expires_at=timezone.now() + timedelta(seconds=30))
    drain()
    delivery.deliver(taken)
    assert drain() == [Woken("accounts.deliver", waiting)]
    assert receiver.received == []


def answer_late_with_500_then_200(receiver: WebhookReceiver) -> threading.Event:
    """Let the first webhook's answer wait for the event that is returned, and the second's come at once."""
    release, answers = threading.Event(), iter([500, 200])

    def respond(_received: Received) -> int:
        answer = next(answers)
        if answer == 500:
            release.wait(10)
        return answer

    receiver.respond = respond
    return release


def test_a_delivery_whose_worker_died_is_found_when_its_lease_is_over(world: World, receiver: WebhookReceiver) -> None:
    """The first worker is only late: its answer comes after the second has delivered, and is ignored."""
    release = answer_late_with_500_then_200(receiver)
    delivery_id = recorded(world.alice.org_id, receiver.url())
    late = in_thread(delivery.deliver, delivery_id)
    until(lambda: receiver.in_flight == 1)
    assert delivery.sweep() == 0, "it is in flight"
    WebhookDelivery.objects.filter(id=delivery_id).update(lease_expires_at=timezone.now())
    drain()
    assert delivery.sweep() == 1
    assert drain() == [Woken("accounts.deliver", delivery_id)]
    assert deliver(delivery_id).status == "delivered"

    release.set()
    late.join(10)
    after = WebhookDelivery.objects.get(id=delivery_id)
    assert (after.status, after.attempt) == ("delivered", 2)
    assert [(attempt.number, attempt.response_status) for attempt in attempts(delivery_id)] == [(2, 200)]
    assert len({webhook.headers["webhook-id"] for webhook in receiver.received}) == 1


def test_of_many_workers_one_makes_the_attempt(world: World, receiver: WebhookReceiver) -> None:
    delivery_id = recorded(world.alice.org_id, receiver.url())
    at_once([lambda: delivery.deliver(delivery_id)] * 6)
    assert len(receiver.received) == 1


def test_a_long_queue_for_one_server_does_not_keep_the_sweep_from_the_others(
    world: World, receiver: WebhookReceiver
) -> None:
    first = WebhookDelivery.objects.get(id=recorded(world.alice.org_id, "http://127.0.0.1:9/hook"))
    past = timezone.now() - timedelta(hours=1)
    queue = [
        WebhookDelivery(
            event_id=first.event_id,
            organisation_id=first.organisation_id,
            url=first.url,
            target=first.target,
            next_attempt_at=past,
        )
        for _ in range(delivery.SWEEP_BATCH + 100)
    ]
    WebhookDelivery.objects.bulk_create(queue)
    other = recorded(world.charlie.org_id, receiver.url())
    drain()
    assert delivery.sweep() == delivery.IN_FLIGHT_PER_TARGET + 1
    assert other in {woken.subject for woken in drain()}


def test_two_sweeps_at_once_deliver_once(world: World, receiver: WebhookReceiver) -> None:
    recorded(world.alice.org_id, receiver.url())
    WebhookDelivery.objects.update(next_attempt_at=F("next_attempt_at") - timedelta(hours=1))
    drain()
    assert at_once([delivery.sweep] * 3) == [1, 1, 1]
    work_until_idle()
    assert len(receiver.received) == 1


def test_an_organisation_has_at_most_12_in_flight_however_many_servers_it_names(world: World) -> None:
    waiting = [recorded(world.alice.org_id, f"http://127.0.0.1:{port}/hook") for port in range(20_000, 20_013)]
    soon = timezone.now() + timedelta(seconds=30)
    WebhookDelivery.objects.filter(id__in=waiting[:12]).update(lease_expires_at=soon)
    assert deliver(waiting[12]).attempt == 0
    theirs = recorded(world.charlie.org_id, "http://127.0.0.1:20000/hook")
    assert deliver(theirs).attempt == 1


def test_an_attempt_handed_back_is_due_at_once_and_does_not_count(world: World, receiver: WebhookReceiver) -> None:
    """Its late answer is ignored, although the attempt in its place has the same number."""
    release = answer_late_with_500_then_200(receiver)
    delivery_id = recorded(world.alice.org_id, receiver.url())
    cut_off = in_thread(delivery.deliver, delivery_id)
    until(lambda: receiver.in_flight == 1)
    assert in_flight.hand_back() == [delivery_id]
    waiting = WebhookDelivery.objects.get(id=delivery_id)
    assert (waiting.status, waiting.attempt, waiting.lease_expires_at) == ("pending", 0, None)
    assert delivery.sweep() == 1
    assert deliver(delivery_id).status == "delivered"

    release.set()
    cut_off.join(10)
    assert len(receiver.received) == 2
    after = WebhookDelivery.objects.get(id=delivery_id)
    assert (after.status, after.attempt) == ("delivered", 1)
    assert [(attempt.number, attempt.response_status) for attempt in attempts(delivery_id)] == [(1, 200)]


def test_what_has_been_answered_is_not_handed_back(world: World, receiver: WebhookReceiver) -> None:
    deliver(recorded(world.alice.org_id, receiver.url()))
    assert (len(in_flight), in_flight.hand_back()) == (0, [])


def test_room_goes_to_a_server_that_has_some(world: World, receiver: WebhookReceiver) -> None:
    """Not to the oldest delivery, whose server has its share already: it would only be laid aside."""
    with WebhookReceiver() as full:
        to_full = [recorded(world.alice.org_id, full.url(), number) for number in range(5)]
        WebhookDelivery.objects.filter(id__in=to_full[:4]).update(lease_expires_at=timezone.now() + LEASE)
        done, waiting = [recorded(world.alice.org_id, receiver.url(path), 0) for path in ("/a", "/b")]
        WebhookDelivery.objects.filter(id=waiting).update(target="elsewhere.example.com:443")
        drain()
        delivery.deliver(done)
        assert drain() == [Woken("accounts.deliver", waiting)]
