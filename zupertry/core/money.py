"""How sums of money and counts are written for people: by currency, as its country does it."""

from decimal import Decimal

from babel.numbers import format_currency, format_decimal, get_currency_precision

LOCALES = {"INR": "en_IN", "USD": "en_US", "EUR": "en_IE"}
"""English as it is written where a currency is at home: India groups digits by lakh and crore (₹1,00,000.00)."""


def format_minor(amount_minor: int, currency: str) -> str:
    """Return a sum given in minor units (paise, cents) of `currency`, an ISO 4217 code: 150000 INR is `₹1,500.00`."""
    amount = Decimal(amount_minor).scaleb(-get_currency_precision(currency))
    return format_currency(amount, currency, locale=LOCALES[currency])


def format_each(amount_minor: int, number: int, currency: str) -> str:
    """Return what one of `number` things costs when all cost `amount_minor`, with up to four decimals: `€0.065`."""
    each = round(Decimal(amount_minor).scaleb(-get_currency_precision(currency)) / number, 4)
    return format_currency(each, currency, "¤#,##0.00##", locale=LOCALES[currency], currency_digits=False)


def format_count(number: int, currency: str) -> str:
    """Return a whole number with its digits grouped as where `currency` is at home: 100000 is `1,00,000` in INR."""
    return format_decimal(number, locale=LOCALES[currency])
