"""What has been published to the broker in use, for tests that run the work themselves."""

from dataclasses import dataclass
from typing import Any

from celery import current_app


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
