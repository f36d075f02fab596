"""Pictures in storage, each with a small copy for pages that show many. One is never there without the other."""

from io import BytesIO

from PIL import Image

from tryon.engines.base import decoding
from zupertry.core import storage

LONGEST_SIDE = 400
"""Pixels of a thumbnail."""


def write(name: str, data: bytes) -> None:
    """Store a picture that can be decoded, under a name that `storage.new_name` made, and its thumbnail."""
    storage.write(thumbnail_name(name), _thumbnail(data))
    storage.write(name, data)


def delete(name: str) -> None:
    """Delete a stored picture and its thumbnail; what is gone already is no error."""
    if name:
        storage.delete(name)
        storage.delete(thumbnail_name(name))


def thumbnail_name(name: str) -> str:
    """Return where the small copy of the picture of this name is: as hard to guess."""
    return f"{name.rpartition('.')[0]}.thumb.webp"


def _thumbnail(data: bytes) -> bytes:
    file = BytesIO()
    with decoding, Image.open(BytesIO(data)) as image:
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        image.save(file, "WEBP", quality=80, method=2)
    return file.getvalue()
