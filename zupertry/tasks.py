"""Work of several apps at once that is woken by name: one call."""

from celery import shared_task

from zupertry.data import sweeping


@shared_task(name="data.sweep")
def sweep_deletions() -> None:
    """Delete the organisations and people whose time has come."""
    sweeping.sweep()
