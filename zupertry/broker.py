"""Lets a worker outlive its broker.

When Redis goes away while a worker has tasks in hand, Celery 5.7 closes the connection, and then gives back or
acknowledges over it what it had received, which ends the worker. Neither matters: the database knows what is to be
done, and Redis hands out anew, after its visibility timeout, what nobody acknowledged.

When Redis has no memory left, each note that kombu 5.7 makes there ends the worker too, although taking messages is
what makes room again.
"""

from contextlib import suppress
from typing import Any

from kombu.transport import redis, virtual
from redis.exceptions import OutOfMemoryError


class LenientQoS(redis.QoS):
    """Keeps account of received messages, and lets them be once their connection has been closed."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note that a message was received; where Redis has no room for the note, work it off all the same.

        It is out of the queue already, and nothing but workers empties a queue that fills Redis.
        """
        try:
            super().append(message, delivery_tag)
        except OutOfMemoryError:
            virtual.QoS.append(self, message, delivery_tag)

    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        """Hand out anew what nobody acknowledged in time, once there is room."""
        with suppress(OutOfMemoryError):
            super().restore_visible(*args, **kwargs)

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message, if there still is somebody to be told."""
        if self._is_open():
            super().ack(delivery_tag)

    def restore_unacked(self, client: Any = None) -> None:
        """Put what was not acknowledged back into its queue, if that can be reached."""
        if self._is_open():
            super().restore_unacked(client)

    def _is_open(self) -> bool:
        return self.channel.connection is not None and self.channel.connection.client is not None


class LenientChannel(redis.Channel):
    """Takes messages from a Redis whose memory is full, too."""

    QoS = LenientQoS

    def _queue_bind(self, *args: Any) -> None:  # kombu's stubs leave it out
        # Written at every connect, and there since the first one. Publishers write it as well.
        with suppress(OutOfMemoryError):
            super()._queue_bind(*args)  # type: ignore[misc]


def outlive_redis() -> None:
    """Have the connections of this process be lenient."""
    redis.Transport.Channel = LenientChannel
    # Whatever else Redis has no room for: connect anew, and do not end.
    redis.Transport.connection_errors = (*redis.Transport.connection_errors, OutOfMemoryError)
