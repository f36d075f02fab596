"""The two pictures that come with the program: a portrait and a T-shirt that the program draws."""

import threading
from functools import cache
from pathlib import Path

from tryon.engines.base import Picture
from tryon.pictures import Role, normalise
from tryon.samples.shirt import draw_shirt

PERSON = Path(__file__).with_name("person.jpg")
_making = threading.Lock()


def sample_bytes(role: Role) -> bytes:
    """Return the sample's file."""
    return PERSON.read_bytes() if role == "model" else draw_shirt()


def sample(role: Role) -> Picture:
    """Return the sample as a picture that engines take; the garment small, since drawing it large takes a second."""
    with _making:  # of many first jobs at once one draws, and the others wait for what it has drawn
        return _sample(role)


@cache
def _sample(role: Role) -> Picture:
    return normalise(PERSON.read_bytes() if role == "model" else draw_shirt(450, 500), role)
