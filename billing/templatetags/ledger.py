"""Changes of credits in templates: `{% load ledger %}`."""

from django import template

from zupertry.core.money import format_count

MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"

register = template.Library()


@register.filter
def signed(delta: int, currency: str) -> str:
    """Write a change with its sign, a real minus, grouped as where the currency is at home; a dash for none."""
    if delta == 0:
        return NONE
    return f"{'+' if delta > 0 else MINUS}{format_count(abs(delta), currency)}"
