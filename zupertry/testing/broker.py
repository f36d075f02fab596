"""What has been published to the broker in use, for tests that run the work themselves; and brokers that fail."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from celery import Celery, current_app
from celery.app import app_or_default


@dataclass(frozen=True, slots=True)
class Woken:
    """A task's name and the id that it was woken with. `delayed`: not before a while has passed."""

    task: str
    subject: str
    delayed: bool = False


def drain() -> list[Woken]:
    """Take every message off the broker's queues and return them, oldest first within a queue."""
    with current_app.connection_for_read() as connection:
        channel: Any = connection.default_channel  # the stubs don't know that every transport can get a message
        found = []
        for queue in current_app.conf.task_queues:
            queue(channel).declare()
            while message := channel.basic_get(queue.name, no_ack=True):
                arguments = message.payload[0]
                subject = str(arguments[0]) if arguments else ""
                found.append(Woken(message.headers["task"], subject, delayed=bool(message.headers["eta"])))
        return found


@contextmanager
def broker_at(port: int) -> Iterator[None]:
    """Publish to a Redis on this port of the loopback address."""
    usual = app_or_default()
    app = Celery("elsewhere", broker=f"redis://127.0.0.1:{port}/0")
    options = {"socket_connect_timeout": 1, "socket_timeout": 1, "max_retries": 0}
    app.conf.update(broker_transport_options=options, task_queues=usual.conf.task_queues)
    app.set_current()
    try:
        yield
    finally:
        usual.set_current()


@contextmanager
def listener(*, answers: bool) -> Iterator[int]:
    """A port where nobody listens, or where somebody accepts and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if answers:
            server.listen()
        yield server.getsockname()[1]
