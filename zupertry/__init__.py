"""Zupertry: virtual try-on over REST."""

from zupertry.celery import app as celery_app

__all__ = ["celery_app"]
