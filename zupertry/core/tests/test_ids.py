"""Ids: opaque, in order, and honest about when they were made."""

import re
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organisation, Workspace
from zupertry.core import ids
from zupertry.core.ids import IdField

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_a_uuid_is_of_version_7_and_begins_with_the_millisecond():
    before = time.time_ns() // 1_000_000
    made = ids.uuid7()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_ids_rise_strictly_within_a_process_over_all_threads():
    made: list[list[UUID]] = [[] for _ in range(4)]

    def make(into: list[UUID]) -> None:
        into.extend(ids.uuid7() for _ in range(5_000))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for of_one_thread in made:
        assert of_one_thread == sorted(of_one_thread)
    assert len(set().union(*made)) == 20_000


def test_ids_rise_even_when_the_clock_is_set_back(monkeypatch):
    later = ids.uuid7()
    hour_ago = time.time_ns() - 3_600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: hour_ago)
    made = [ids.uuid7() for _ in range(10_000)]
    assert later < made[0]
    assert made == sorted(set(made))


@given(st.uuids())
def test_text_and_uuid_are_one_to_one(value):
    text = ids.encode("job", value)
    assert re.fullmatch(r"job_[0-9a-v]{26}", text)
    assert re.fullmatch(ids.pattern("job"), text)
    assert ids.decode("job", text) == value


@given(st.lists(st.uuids(), min_size=2, max_size=20))
def test_text_sorts_as_the_uuids_do(values):
    assert [ids.encode("job", value) for value in sorted(values)] == sorted(
        ids.encode("job", value) for value in values
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "job",
        "job_",
        "_" + "0" * 26,
        "ws_" + "0" * 26,
        "job_" + "0" * 25,
        "job_" + "0" * 27,
        "job_" + "w" * 26,
        "job_" + "0" * 25 + "1",
        "job_" + "V" * 26,
        "job_" + "\u0660" * 26,
        " job_" + "0" * 26,
        "job_" + "0" * 26 + "\n",
        "job_" + "=" * 26,
    ],
)
def test_only_the_canonical_text_is_an_id(text):
    assert not ids.is_id("job", text)
    with pytest.raises(ValueError):  # noqa: PT011
        ids.decode("job", text)


@given(st.text(max_size=40))
def test_any_text_is_an_id_or_is_refused(text):
    assert ids.is_id("job", text) in {True, False}
    assert ids.is_id("job", f"job_{text}") in {True, False}


@given(st.timedeltas(timedelta(0), timedelta(days=365 * 300)))
def test_bounds_of_a_moment_are_the_first_milliseconds_from_it_and_after_it(since_epoch):
    moment = EPOCH + since_epoch
    first_at, first_after = ids.first_at(moment).int >> 80, ids.first_after(moment).int >> 80
    assert EPOCH + timedelta(milliseconds=first_at - 1) < moment
    assert EPOCH + timedelta(milliseconds=first_at) >= moment
    assert EPOCH + timedelta(milliseconds=first_after) > moment
    assert EPOCH + timedelta(milliseconds=first_after - 1) <= moment


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_bounds_of_absurd_moments_are_uuids(moment):
    for bound in (ids.first_at, ids.first_after):
        assert 0 <= bound(moment).int < 1 << 128


def test_created_at_is_the_ids_own_millisecond(world):
    rows: list[Organisation | Workspace] = [*Organisation.objects.all(), *Workspace.objects.all()]
    for row in rows:
        assert row.created_at == ids.made_at(row.id)
        assert row.created_at.microsecond % 1000 == 0


def test_rows_are_found_by_their_text_and_a_wrong_prefix_is_refused(world):
    assert Organisation.objects.get(id=world.alice.org_id).id == world.alice.org_id
    field = Organisation._meta.pk
    assert isinstance(field, IdField)
    with pytest.raises(ValidationError):
        field.to_python(world.alice.workspace_id)
    assert field.to_python(ids.decode("org", world.alice.org_id)) == world.alice.org_id
    assert field.to_python(None) is None
