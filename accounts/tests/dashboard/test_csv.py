"""Nothing that somebody has typed is run by the spreadsheet that somebody else opens."""

import csv
from io import StringIO

import pytest

from accounts.dashboard.listings import csv_of
from accounts.models import Organisation


def cells(alice: Organisation, *row: object) -> list[str]:
    text = b"".join(csv_of("x", alice, ["a"], [row])).decode()
    return list(csv.reader(StringIO(text, newline="")))[1]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u00a0=1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
    ],
)
def test_a_formula_is_text(alice, text):
    assert cells(alice, text) == [f"'{text}"]


@pytest.mark.parametrize("value", ["", " ", "Shop", "a=1", "'=1", "1-2"])
def test_other_text_is_as_it_is(alice, value):
    assert cells(alice, value) == [value]


def test_numbers_stay_numbers(alice):
    assert cells(alice, -1, 2, None) == ["-1", "2", ""]
