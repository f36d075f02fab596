"""What beat sends does not pile up while nobody takes it."""

from datetime import timedelta

import pytest
from django.conf import settings

from zupertry.celery import app

OFTEN = {name: entry for name, entry in settings.CELERY_BEAT_SCHEDULE.items() if entry["schedule"] < timedelta(hours=1)}


@pytest.mark.parametrize("name", OFTEN)
def test_what_is_sent_often_is_thrown_away_once_the_next_is_there(name: str) -> None:
    """Else all that was sent in an hour without workers would run at its end, at once."""
    app.loader.import_default_modules()
    assert app.tasks[OFTEN[name]["task"]].expires <= max(OFTEN[name]["schedule"].total_seconds(), 300)
