import io
import time

import pytest
from PIL import Image, ImageChops, ImageStat

from tryon.engines.base import EngineError, Picture
from tryon.engines.mock import MockEngine


def encoded(image: Image.Image, format: str = "PNG") -> Picture:
    data = io.BytesIO()
    image.save(data, format)
    return Picture(data.getvalue(), f"image/{format.lower()}", image.width, image.height)


def plain(colour: str, size: tuple[int, int], format: str = "PNG") -> Picture:
    return encoded(Image.new("RGB", size, colour), format)


def composite(person: Picture, garment: Picture | None = None) -> Image.Image:
    made = MockEngine().try_on(person, garment or plain("red", (30, 40)), timeout=1).picture
    image = Image.open(io.BytesIO(made.data))
    assert image.size == (made.width, made.height) == (person.width, person.height)
    assert image.get_format_mimetype() == made.content_type == person.content_type
    return image


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(1, 1), (2, 5), (20, 3000), (3000, 20), (1, 4000), (300, 400), (1500, 900)])
def test_the_photo_keeps_its_size_and_type(size: tuple[int, int], format: str) -> None:
    composite(plain("white", size, format))


@pytest.mark.parametrize("ground", ["white", "black", "grey"])
@pytest.mark.parametrize("size", [(60, 60), (300, 400), (20, 3000), (1200, 300)])
def test_the_mark_shows_on_any_ground(ground: str, size: tuple[int, int]) -> None:
    """The middle of the picture, where the word is, holds both black and white."""
    width, height = size
    half = min(size) // 2
    middle = (width // 2 - half, height // 2 - half, width // 2 + half, height // 2 + half)
    greys = composite(plain(ground, size)).convert("L").crop(middle).tobytes()
    assert min(greys) < 40
    assert max(greys) > 215


def test_the_photo_shows_around_the_mark() -> None:
    photo = Image.effect_noise((300, 400), 60).convert("RGB")
    top = (0, 0, 300, 60)
    assert not ImageChops.difference(composite(encoded(photo)).crop(top), photo.crop(top)).getbbox()


def test_the_garment_stands_in_the_corner() -> None:
    image = composite(plain("grey", (300, 400)), plain("blue", (30, 30))).convert("RGB")
    red, green, blue = ImageStat.Stat(image.crop((230, 330, 260, 350))).mean
    assert (round(red), round(green), round(blue)) == (0, 0, 255)


def test_a_cut_out_garment_stands_on_white() -> None:
    cut_out = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    cut_out.paste((0, 0, 255, 255), (15, 0, 25, 40))
    image = composite(plain("grey", (400, 400)), encoded(cut_out)).convert("RGB")
    colours = dict.fromkeys(image.crop((250, 250, 380, 380)).get_flattened_data())
    assert (0, 0, 255) in colours
    assert (255, 255, 255) in colours


def test_a_photo_with_transparency_keeps_it() -> None:
    alpha = composite(encoded(Image.new("RGBA", (300, 400), (0, 0, 0, 0)))).getchannel("A")
    assert alpha.getpixel((0, 0)) == 0
    assert alpha.getextrema() == (0, 255)


@pytest.mark.parametrize("mode", ["P", "L", "1", "RGBA"])
def test_other_modes_are_shown_too(mode: str) -> None:
    picture = encoded(Image.new(mode, (50, 50)))
    composite(picture, picture)


def test_the_same_pictures_give_the_same_bytes() -> None:
    person, garment = plain("white", (300, 400), "JPEG"), plain("blue", (30, 30))
    first, second = (MockEngine().try_on(person, garment, timeout=1) for _ in range(2))
    assert first.picture.data == second.picture.data


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
@pytest.mark.parametrize("role", ["person", "garment"])
def test_a_corrupt_picture_is_refused_by_its_role(format: str, role: str) -> None:
    whole = encoded(Image.effect_noise((200, 200), 80).convert("RGB"), format)
    good = plain("white", (30, 40))
    for data in (b"", b"no picture", whole.data[:20], whole.data[: len(whole.data) // 2]):
        broken = Picture(data, whole.content_type, 200, 200)
        person, garment = (broken, good) if role == "person" else (good, broken)
        with pytest.raises(EngineError, match=f"The picture of the {role} cannot be read") as raised:
            MockEngine().try_on(person, garment, timeout=1)
        assert (raised.value.code, raised.value.permanent) == ("engine_error", True)


def test_it_is_fast() -> None:
    person, garment = plain("white", (1000, 1000), "JPEG"), plain("blue", (4000, 3000), "JPEG")
    began = time.monotonic()
    composite(person, garment)
    assert time.monotonic() - began < 2
