"""A worker's connection to a Redis that has no room left: it goes on taking messages, which is what makes room."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from kombu import Connection, Exchange, Queue
from kombu.transport import redis as transport

from zupertry.broker import outlive_redis
from zupertry.testing.servers import ValkeyServer

QUEUE = Queue("work", Exchange("work"), routing_key="work")


@pytest.fixture(autouse=True)
def _lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the connections of this process as a worker has them, for one test."""
    for name in ("Channel", "connection_errors"):
        monkeypatch.setattr(transport.Transport, name, getattr(transport.Transport, name))
    outlive_redis()


@pytest.fixture(scope="module")
def broker() -> Iterator[ValkeyServer]:
    with ValkeyServer() as running:
        yield running


@contextmanager
def full(broker: ValkeyServer) -> Iterator[None]:
    with redis.Redis.from_url(broker.url) as client:
        client.config_set("maxmemory", "1")
        try:
            yield
        finally:
            client.config_set("maxmemory", "0")


def send(broker: ValkeyServer, *bodies: str) -> None:
    with Connection(broker.url) as connection:
        producer = connection.Producer()
        for body in bodies:
            producer.publish(body, exchange=QUEUE.exchange, routing_key="work", declare=[QUEUE])


def receive(broker: ValkeyServer, count: int) -> list[Any]:
    """Connect as a worker does, and take and acknowledge so many messages."""
    received = []

    def take(body: Any, message: Any) -> None:
        received.append(body)
        message.ack()

    with Connection(broker.url) as connection, connection.Consumer(QUEUE, callbacks=[take]):
        while len(received) < count:
            connection.drain_events(timeout=10)
    return received


def test_what_lies_in_a_full_redis_is_taken_and_not_handed_out_twice(broker: ValkeyServer) -> None:
    send(broker, "first", "second")
    with full(broker):
        assert receive(broker, 2) == ["first", "second"]
    with redis.Redis.from_url(broker.url) as client:
        assert (client.llen("work"), client.zcard("unacked_index")) == (0, 0)


def test_what_else_has_no_room_is_a_reason_to_connect_anew(broker: ValkeyServer) -> None:
    with full(broker), Connection(broker.url) as connection:
        channel: Any = connection.default_channel  # the stubs know what every transport has
        with pytest.raises(connection.connection_errors, match="maxmemory"):
            channel.client.set("a", "b")
