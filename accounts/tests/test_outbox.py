import pytest
from django.db import transaction

from accounts.models import WebhookDelivery, WebhookEvent
from accounts.webhooks import outbox
from zupertry.testing.broker import Woken, drain
from zupertry.testing.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def record(world: World, url: str = "https://hooks.example.com/zupertry") -> WebhookDelivery:
    data = {"job_id": "job_1"}
    return outbox.record(world.alice.org_id, "job.completed", "job_1", data, output_name="a.jpg", url=url)


def test_an_event_and_its_delivery_are_written_and_a_worker_is_woken(world: World) -> None:
    drain()
    delivery = record(world)
    assert drain() == [Woken("accounts.deliver", delivery.id)]
    event = WebhookEvent.objects.get()
    assert (event.reference, event.payload, event.output_name) == ("job_1", {"job_id": "job_1"}, "a.jpg")
    assert (delivery.event_id, delivery.status, delivery.attempt) == (event.id, "pending", 0)


def test_what_is_rolled_back_is_told_to_nobody(world: World) -> None:
    drain()
    with transaction.atomic():
        record(world)
        transaction.set_rollback(True)
    assert drain() == []
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://Hooks.Example.com/a?b=c", "https://hooks.example.com:443"),
        ("https://hooks.example.com:443", "https://hooks.example.com:443"),
        ("http://hooks.example.com?a=:1", "http://hooks.example.com:80"),
        ("http://127.0.0.1:8080/hook", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/hook", "http://[::1]:8080"),
    ],
)
def test_scheme_host_and_port_share_a_limit_whether_or_not_they_may_be_reached(
    world: World, url: str, target: str
) -> None:
    assert record(world, url).target == target
