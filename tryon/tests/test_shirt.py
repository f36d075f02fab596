"""The drawn shirt of the samples."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from tryon import samples
from tryon.samples.shirt import TEAL, Sleeves, draw_shirt


@pytest.mark.parametrize("sleeves", ["short", "long"])
def test_a_shirt_has_the_asked_size_and_is_drawn_the_same_every_time(sleeves: Sleeves) -> None:
    data = draw_shirt(300, 400, sleeves=sleeves)
    assert data == draw_shirt(300, 400, sleeves=sleeves)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("JPEG", (300, 400))


def test_the_cloth_has_its_colour_and_the_table_is_light() -> None:
    with Image.open(io.BytesIO(draw_shirt(450, 500))) as image:
        cloth = image.crop((200, 300, 250, 340)).resize((1, 1)).getpixel((0, 0))
        table = image.getpixel((5, 490))
    assert isinstance(cloth, tuple)
    assert isinstance(table, tuple)
    assert all(abs(found - asked) < 20 for found, asked in zip(cloth, TEAL, strict=True))
    assert min(table) > 200


def test_of_many_who_need_the_sample_first_one_draws_it_for_all() -> None:
    samples._sample.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(samples.sample, ["garment"] * 8))
    assert all(picture is made[0] for picture in made)
