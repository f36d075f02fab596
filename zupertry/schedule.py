"""Beat's schedule, which several beats may share: it is kept in the database."""

import signal
from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler

from zupertry.checks import refuse_to_start
from zupertry.metrics_port import serve


class CheckedScheduler(DatabaseScheduler):  # type: ignore[misc]
    """Refuses to start while a setting is wrong. Beat's own signal is sent only once the schedule has been read."""

    _told_to_stop = False

    def setup_schedule(self) -> None:
        """Read the schedule from the database, which has to be the right one."""
        refuse_to_start()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        serve()
        super().setup_schedule()

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Send what is due, and return the seconds until something is; end beat once it was told to stop."""
        if self._told_to_stop:
            raise SystemExit
        return super().tick(*args, **kwargs)

    def _stop(self, *_: Any) -> None:
        """Leave what is under way: beat writes the schedule on its way out.

        Celery's own handler writes it at once, in the middle of what it interrupts. When that was a query, the error
        took the place of the exit, was logged as that of a task, and beat went on.
        """
        self._told_to_stop = True
        raise SystemExit
