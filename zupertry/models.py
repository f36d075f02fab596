"""What the wiring itself has to remember."""

from django.db import models


class Canary(models.Model):
    """The trail of the small tasks that go through a queue each minute: one row a queue, by the database's clock.

    In the database and not in the cache, so that it is still there when what is looked into is a lost Redis.
    """

    queue = models.CharField(max_length=40, primary_key=True)
    sent_at = models.DateTimeField(null=True)
    unanswered_since = models.DateTimeField(null=True)
    """When the oldest of those was sent that no worker has answered; null once one has."""
    succeeded_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.queue
