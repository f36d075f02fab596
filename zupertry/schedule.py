"""Beat's schedule, which several beats may share: it is kept in the database."""

from django_celery_beat.schedulers import DatabaseScheduler

from zupertry.checks import refuse_to_start
from zupertry.metrics_port import serve


class CheckedScheduler(DatabaseScheduler):  # type: ignore[misc]
    """Refuses to start while a setting is wrong. Beat's own signal is sent only once the schedule has been read."""

    def setup_schedule(self) -> None:
        """Read the schedule from the database, which has to be the right one."""
        refuse_to_start()
        serve()
        super().setup_schedule()
