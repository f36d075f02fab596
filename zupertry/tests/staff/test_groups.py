"""The groups of staff: what is written about them is what is so, and tests that empty the tables keep them."""

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission

from zupertry.staff.groups import GROUPS

PAGE = Path(settings.BASE_DIR) / "docs" / "operations" / "staff.md"
BEGINS, ENDS = "<!-- groups: a test holds this table to zupertry/staff/groups.py -->\n", "<!-- /groups -->"


@pytest.mark.django_db
def test_the_table_of_groups_is_what_they_may():
    text = PAGE.read_text()
    written = text[text.index(BEGINS) + len(BEGINS) : text.index(ENDS)]
    table = groups_table()
    assert written == table, f"Put this into {PAGE}:\n{table}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("time", ["once", "again"])
def test_groups_outlive_a_test_that_empties_the_tables(time):
    assert {group.name: group.permissions.count() for group in Group.objects.all()} == {
        name: len(codes) for name, codes in GROUPS.items()
    }


def groups_table() -> str:
    """Return the table: what somebody may do besides seeing, and who may."""
    names = {f"{app}.{code}": name for app, code, name in _permissions()}
    seen = {code for codes in GROUPS.values() for code in codes if ".view_" in code}
    partly = sorted({code for code in seen if not all(code in codes for codes in GROUPS.values())})
    done = sorted({code for codes in GROUPS.values() for code in codes} - seen)
    lines = [f"| {_words(names[code])} | `{code}` | {_marks(code)} |" for code in [*partly, *done]]
    return "\n".join([f"| | permission | {' | '.join(GROUPS)} |", f"|---|---|{'---|' * len(GROUPS)}", *lines, ""])


def _permissions():
    return Permission.objects.values_list("content_type__app_label", "codename", "name")


def _words(name: str) -> str:
    words = name.removeprefix("Can ")
    return words[:1].upper() + words[1:]


def _marks(code: str) -> str:
    return " | ".join("✓" if code in codes else "" for codes in GROUPS.values())
