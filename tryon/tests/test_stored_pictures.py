"""Pictures and their thumbnails in storage."""

from io import BytesIO

import pytest
from PIL import Image

from tryon import stored_pictures
from tryon.tests.conftest import Media
from zupertry.core import storage
from zupertry.testing import images


@pytest.mark.parametrize(("size", "small"), [((1600, 800), (400, 200)), ((300, 1200), (100, 400)), ((6, 8), (6, 8))])
def test_a_thumbnail_is_small_and_stands_beside_its_picture(media: Media, size, small) -> None:
    name = storage.new_name("image/png")
    stored_pictures.write(name, images.png(*size))

    assert media.files == {name, stored_pictures.thumbnail_name(name)}
    with Image.open(BytesIO(storage.read(stored_pictures.thumbnail_name(name), 100_000))) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", small)


def test_it_goes_with_its_picture(media: Media) -> None:
    name = storage.new_name("image/jpeg")
    stored_pictures.write(name, images.jpeg())
    stored_pictures.delete(name)
    assert media.files == set()
    stored_pictures.delete(name)
    stored_pictures.delete("")
