"""Django's name for this app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, organisations, keys and outgoing webhooks."""

    name = "accounts"
