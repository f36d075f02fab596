"""Lets a worker outlive its broker.

When Redis goes away while a worker has tasks in hand, Celery 5.7 closes the connection, and then gives back or
acknowledges over it what it had received, which ends the worker. Neither matters: the database knows what is to be
done, and Redis hands out anew, after its visibility timeout, what nobody acknowledged.
"""

from typing import Any

from kombu.transport import redis


class LenientQoS(redis.QoS):
    """Keeps account of received messages, and lets them be once their connection has been closed."""

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


def outlive_redis() -> None:
    """Have the channels of this process be lenient."""
    redis.Channel.QoS = LenientQoS
