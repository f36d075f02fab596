"""Work of several apps at once, or of none, that is woken by name: one call."""

from celery import shared_task

from zupertry import canary
from zupertry.data import sweeping


@shared_task(name="data.sweep", expires=300)
def sweep_deletions() -> None:
    """Delete the organisations and people whose time has come."""
    sweeping.sweep()


@shared_task(name=canary.TASK, expires=canary.SILENT.total_seconds())
def sing(queue: str) -> None:
    """Show that a worker takes from this queue and works."""
    canary.note_success(queue)
