"""Django's name for this app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, organisations, keys and outgoing webhooks."""

    name = "accounts"

    def ready(self) -> None:
        """Count a second factor that was just set up as shown."""
        from allauth.mfa.signals import authenticator_added  # models are there only now

        from accounts.dashboard.second_factor import has_shown

        authenticator_added.connect(has_shown)
