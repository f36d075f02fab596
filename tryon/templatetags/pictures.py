"""Stored pictures in templates: `{% load pictures %}`."""

from django import template

from tryon.stored_pictures import thumbnail_name
from zupertry.core.storage import own_path

register = template.Library()


@register.filter
def picture(name: str) -> str:
    """Return a link, of our own origin, to the stored picture of this name: `{{ job.output_name|picture }}`."""
    return own_path(name)


@register.filter
def thumbnail(name: str) -> str:
    """Return a link to its small copy."""
    return own_path(thumbnail_name(name))
