"""The people and the garments of the local engine's tests: the sample portrait, drawn shirts, and variants of both."""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tryon.engines.base import Picture
from tryon.engines.local.arrays import Mask, Rgb
from tryon.engines.local.parsing import Parsing, parse
from tryon.engines.local.person import Person, find_person
from tryon.engines.local.raster import fill_holes
from tryon.samples.shirt import Sleeves, draw_shirt

_PORTRAIT = Path(__file__).with_name("astronaut.jpg")


def decoded(data: bytes) -> Rgb:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def as_picture(pixels: Rgb, kind: str = "PNG") -> Picture:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, kind)
    return Picture(data.getvalue(), f"image/{kind.lower()}", pixels.shape[1], pixels.shape[0])


@cache
def portrait_pixels() -> Rgb:
    return decoded(_PORTRAIT.read_bytes())


@cache
def portrait_person() -> Person:
    return find_person(portrait_pixels())


@cache
def portrait_parsing() -> Parsing:
    return parse(portrait_pixels(), portrait_person())


@cache
def shirt_pixels(sleeves: Sleeves = "short", stripes: bool = False) -> Rgb:
    return decoded(draw_shirt(450, 500, sleeves=sleeves, stripes=stripes))


@cache
def cut_out_pixels() -> tuple[Rgb, Mask]:
    """A shirt on a table that has the shirt's own colour, with an alpha channel that tells them apart."""
    shirt = shirt_pixels().copy()
    cloth = fill_holes(shirt.min(axis=2) < 170)
    shirt[~cloth] = (35, 98, 112)
    return shirt, cloth.astype(np.float32)


@pytest.fixture
def portrait() -> Rgb:
    return portrait_pixels()


@pytest.fixture
def shirt() -> Rgb:
    return shirt_pixels()


@pytest.fixture
def picture() -> Callable[..., Picture]:
    return as_picture
