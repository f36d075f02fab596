"""Beat's schedule, which several beats may share: it is kept in the database."""

from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler

from zupertry.checks import refuse_to_start


class CheckedScheduler(DatabaseScheduler):  # type: ignore[misc]
    """Refuses to start while a setting is wrong. Beat's own signal is sent only once the schedule has been read."""

    def __init__(self, *args: Any, **options: Any) -> None:
        refuse_to_start()
        super().__init__(*args, **options)
