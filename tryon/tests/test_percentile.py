"""Percentiles: the same numbers from every database."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import DurationField, F, Q

from tryon.models import Job
from tryon.percentile import PercentileCont, percentile_cont
from zupertry.testing.jobs import submitted


@pytest.mark.parametrize(
    ("values", "fraction", "expected"),
    [
        ([], 0.5, None),
        ([7], 0.95, 7),
        ([3, 1, 2], 0.5, 2),
        ([1, 2, 3, 4], 0.5, 2.5),
        ([10, 20, 30, 40, 50], 0.95, 48),
        ([1, 2], 0, 1),
        ([1, 2], 1, 2),
    ],
)
def test_it_lies_between_the_two_nearest_values(values, fraction, expected):
    assert percentile_cont(values, fraction) == pytest.approx(expected)


def test_the_database_says_the_same_and_leaves_out_nulls_and_what_is_filtered(world):
    for seconds in (50, 10, 40, 20, 30, None):
        took(submitted(world.organisation), seconds)
    took(submitted(world.organisation, client_reference_id="other"), 3600)

    asked = PercentileCont(
        F("completed_at") - F("started_at"),
        fraction=0.95,
        filter=Q(client_reference_id=None),
        output_field=DurationField(),
    )

    assert Job.objects.aggregate(p95=asked)["p95"] == timedelta(seconds=48)
    assert Job.objects.filter(status="failed").aggregate(p95=asked)["p95"] is None


def took(job: Job, seconds: int | None) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    ended = None if seconds is None else began + timedelta(seconds=seconds)
    Job.objects.filter(pk=job.pk).update(started_at=began, completed_at=ended)
