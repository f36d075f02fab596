"""What the tests of deliveries share: endpoints on loopback, an event to deliver, and looks at what became of it."""

from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from accounts.models import DeliveryAttempt, WebhookDelivery
from accounts.webhooks import delivery, outbox
from zupertry.testing.broker import drain
from zupertry.testing.pictures import PictureServer
from zupertry.testing.receiver import WebhookReceiver


@pytest.fixture
def loopback(settings) -> None:
    """Let webhooks go to this machine, and take what earlier tests have published out of the way."""
    settings.OUTBOUND_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    drain()


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


@pytest.fixture
def server() -> Iterator[PictureServer]:
    """An endpoint that misbehaves as it is told."""
    with PictureServer() as running:
        yield running


def recorded(org_id: str, url: str, number: int = 1, output_name: str = "") -> str:
    """Put an event into the outbox, and return its delivery's id."""
    data = {"job_id": f"job_{number}", "status": "completed", "output_url": None}
    made = outbox.record(org_id, "job.completed", f"job_{number}", data, output_name=output_name, url=url)
    return made.id


def deliver(delivery_id: str) -> WebhookDelivery:
    """Do what a woken worker does, and return the delivery after it."""
    delivery.deliver(delivery_id)
    return WebhookDelivery.objects.get(id=delivery_id)


def attempts(delivery_id: str) -> list[DeliveryAttempt]:
    return list(DeliveryAttempt.objects.filter(delivery_id=delivery_id).order_by("number"))
