"""Work that is woken by name: ids in, one domain call."""

from celery import shared_task

from tryon import runner, sweeping


@shared_task(name="tryon.run")
def run(job_id: str) -> None:
    """Run one job."""
    runner.run(job_id)


@shared_task(name="tryon.sweep")
def sweep() -> None:
    """Find jobs to wake and pictures to delete."""
    sweeping.sweep()
