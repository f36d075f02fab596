import pytest
from django.template import Context, Template

from zupertry.core.money import format_count, format_minor


@pytest.mark.parametrize(
    ("amount_minor", "currency", "written"),
    [
        (100_000_00, "INR", "₹1,00,000.00"),
        (1_23_45_678_90, "INR", "₹1,23,45,678.90"),
        (1_000_00, "USD", "$1,000.00"),
        (1_000_00, "EUR", "€1,000.00"),
        (0, "EUR", "€0.00"),
        (5, "USD", "$0.05"),
        (-2_950_00, "INR", "-₹2,950.00"),
        (9_007_199_254_740_993, "USD", "$90,071,992,547,409.93"),
    ],
)
def test_a_sum_is_written_as_where_its_currency_is_at_home(amount_minor: int, currency: str, written: str) -> None:
    assert format_minor(amount_minor, currency) == written


@pytest.mark.parametrize(
    ("number", "currency", "written"),
    [(100_000, "INR", "1,00,000"), (100_000, "USD", "100,000"), (100_000, "EUR", "100,000"), (-1_500, "EUR", "-1,500")],
)
def test_a_count_is_grouped_as_where_its_currency_is_at_home(number: int, currency: str, written: str) -> None:
    assert format_count(number, currency) == written


def test_templates_write_sums_and_counts() -> None:
    template = Template("{% load money %}{{ amount|money:currency }} for {{ credits|count:currency }}")
    context = Context({"amount": 100_000_00, "credits": 100_000, "currency": "INR"})
    assert template.render(context) == "₹1,00,000.00 for 1,00,000"
