"""Work that is woken by name: ids in, one domain call."""

from celery import shared_task
from django.conf import settings

from tryon import runner, sweeping


@shared_task(name="tryon.run")
def run(job_id: str) -> None:
    """Run one job."""
    runner.run(job_id)


@shared_task(name="tryon.sweep", expires=settings.SWEEP_INTERVAL_SECONDS)
def sweep() -> None:
    """Find jobs to wake."""
    sweeping.sweep()


@shared_task(name="tryon.delete_pictures", expires=settings.SWEEP_INTERVAL_SECONDS)
def delete_pictures() -> None:
    """Delete pictures whose time is over."""
    sweeping.delete_pictures()
