"""Sums and counts in templates: `{% load money %}`."""

from django import template

from zupertry.core.money import format_count, format_minor

register = template.Library()


@register.filter
def money(amount_minor: int, currency: str) -> str:
    """Write a sum in minor units: `{{ payment.amount_minor|money:payment.currency }}` is `€49.00`."""
    return format_minor(amount_minor, currency)


@register.filter
def count(number: int, currency: str) -> str:
    """Write a whole number with its digits grouped as where the currency is at home: `{{ credits|count:"INR" }}`."""
    return format_count(number, currency)
