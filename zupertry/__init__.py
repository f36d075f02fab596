"""Zupertry: virtual try-on over REST."""

import gc

# Starting makes some hundred thousand objects that stay. By its own measure Python would look through them every 700.
gc.set_threshold(50_000, 20, 20)

from zupertry.celery import app as celery_app  # noqa: E402 - what it imports is the most of it

__all__ = ["celery_app"]
