"""The groups of staff, in tests that empty the tables."""

import pytest
from django.contrib.auth.models import Group

from zupertry.staff.groups import GROUPS


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("time", ["first", "second"])
def test_groups_are_there_after_a_test_that_emptied_the_tables(groups: None, time: str) -> None:
    assert {group.name: group.permissions.count() for group in Group.objects.all()} == {
        name: len(codes) for name, codes in GROUPS.items()
    }
