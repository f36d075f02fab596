"""Only an upright photo of one person who faces the camera is taken; every refusal says which photo would work."""

import numpy as np
import pytest
from PIL import Image

from tryon.engines.base import EngineError
from tryon.engines.local.arrays import Rgb
from tryon.engines.local.person import find_person

from .conftest import portrait_person


def test_the_portrait_is_one_person_facing_us() -> None:
    person = portrait_person()
    left, right = person.arm("left")[0], person.arm("right")[0]
    assert left[0] < person.face.centre[0] < right[0]
    assert person.face.centre[1] < min(left[1], right[1])
    assert 140 < person.frame.span < 220


def test_the_frame_takes_places_to_the_torso_and_back() -> None:
    frame = portrait_person().frame
    assert frame.place(frame.at(0.3, 0.7)) == pytest.approx((0.3, 0.7), abs=1e-5)
    assert frame.scaled(2).at(0.3, 0.7) == pytest.approx(2 * frame.at(0.3, 0.7))


def test_a_smaller_person_in_a_larger_photo_is_found(portrait: Rgb) -> None:
    photo = np.full((1100, 800, 3), 200, np.uint8)
    photo[400:912, 150:662] = portrait
    assert find_person(photo).frame.span == pytest.approx(portrait_person().frame.span, rel=0.15)


def _two(portrait: Rgb) -> Rgb:
    return np.concatenate([portrait, portrait[:, ::-1]], axis=1)


def _face_crop(portrait: Rgb) -> Rgb:
    return portrait[0:200, 120:310]


def _large_face_crop(portrait: Rgb) -> Rgb:
    return np.asarray(Image.fromarray(portrait[10:190, 130:300]).resize((680, 720)))


def _headless(portrait: Rgb) -> Rgb:
    return portrait[200:]


def _landscape(_: Rgb) -> Rgb:
    sky = np.linspace((90, 140, 220), (220, 230, 240), 300)
    meadow = np.linspace((90, 140, 60), (50, 90, 40), 200)
    return np.repeat(np.concatenate([sky, meadow])[:, None].astype(np.uint8), 700, axis=1)


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        (_two, "more than one person"),
        (lambda portrait: np.rot90(portrait, 1), "not upright"),
        (lambda portrait: np.rot90(portrait, 2), "face"),
        (lambda portrait: np.rot90(portrait, 3), "not upright"),
        (_face_crop, "not in view"),
        (_large_face_crop, "not in view"),
        (_headless, "No face"),
        (_landscape, "No face"),
        (lambda _: np.zeros((400, 300, 3), np.uint8), "No face"),
    ],
    ids=["two", "left", "upside-down", "right", "face", "large-face", "headless", "landscape", "black"],
)
def test_other_photos_are_refused(portrait: Rgb, variant, words: str) -> None:
    with pytest.raises(EngineError) as refusal:
        find_person(np.ascontiguousarray(variant(portrait)))
    assert refusal.value.code == "person_not_found"
    assert refusal.value.permanent
    assert words in refusal.value.message
    assert "one person facing the camera" in refusal.value.message


def test_a_garment_alone_is_nobody(shirt: Rgb) -> None:
    with pytest.raises(EngineError, match="No face"):
        find_person(shirt)
