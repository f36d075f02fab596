"""Django's name for this app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Plans, credits and the ledger."""

    name = "billing"
