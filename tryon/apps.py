"""Django's name for this app."""

from django.apps import AppConfig


class TryonConfig(AppConfig):
    """Jobs, pictures and engines."""

    name = "tryon"
