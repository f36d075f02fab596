"""What can be paid in, and who takes the money of each currency."""

from django.db import models


class Currency(models.TextChoices):
    """What can be paid in."""

    INR = "INR", "Indian rupee"
    USD = "USD", "US dollar"
    EUR = "EUR", "Euro"


class Gateway(models.TextChoices):
    """Who takes the money."""

    STRIPE = "stripe", "Stripe"
    RAZORPAY = "razorpay", "Razorpay"


GATEWAYS = {Currency.INR: Gateway.RAZORPAY, Currency.USD: Gateway.STRIPE, Currency.EUR: Gateway.STRIPE}
