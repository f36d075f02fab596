"""The garment's mask and key points, and the pictures that show no garment."""

from collections.abc import Callable

import numpy as np
import pytest
from skimage import data

from tryon.engines.base import EngineError
from tryon.engines.local.arrays import Mask, Rgb
from tryon.engines.local.garment_mask import cut_out
from tryon.engines.local.garment_points import Garment, measure
from tryon.engines.local.pipeline import measure_garment
from tryon.engines.local.sides import SIDES
from tryon.samples.shirt import Sleeves

from .conftest import cut_out_pixels, shirt_pixels


def _measured(pixels: Rgb, alpha: Mask | None = None) -> tuple[Mask, Garment]:
    mask = cut_out(pixels, alpha)
    return mask, measure(pixels, mask, worn=False)


def _shirt_on_table(pixels: Rgb) -> Mask:
    return np.asarray(pixels.min(axis=2) < 170, np.float32)


@pytest.mark.parametrize("sleeves", ["short", "long"])
def test_the_mask_is_the_shirt(sleeves: Sleeves) -> None:
    pixels = shirt_pixels(sleeves)
    found, true = cut_out(pixels, None) > 0.5, _shirt_on_table(pixels) > 0.5
    assert (found & true).sum() / (found | true).sum() > 0.93


def test_stripes_of_the_tables_colour_belong_to_the_shirt() -> None:
    found = cut_out(shirt_pixels(stripes=True), None) > 0.5
    plain = cut_out(shirt_pixels(), None) > 0.5
    assert (found & plain).sum() / (found | plain).sum() > 0.9


def test_an_alpha_channel_is_the_mask() -> None:
    pixels, alpha = cut_out_pixels()
    assert np.array_equal(cut_out(pixels, alpha), alpha)


def test_an_opaque_alpha_channel_says_nothing() -> None:
    pixels = shirt_pixels()
    assert np.array_equal(cut_out(pixels, np.ones(pixels.shape[:2], np.float32)), cut_out(pixels, None))


def test_key_points_lie_where_the_shirt_was_drawn() -> None:
    _, garment = _measured(shirt_pixels())
    outline = garment.outline
    assert outline.left.armpit == pytest.approx([112, 190], abs=14)
    assert outline.right.armpit == pytest.approx([338, 190], abs=14)
    assert outline.left.collar == pytest.approx([179, 61], abs=14)
    assert garment.hem == pytest.approx(455, abs=12)
    assert garment.neckline.curve()[6] == pytest.approx([225, 105], abs=14)


@pytest.mark.parametrize(("sleeves", "cuff"), [("short", [31, 196]), ("long", [13, 414])])
def test_sleeves_are_followed_to_the_cuff(sleeves: Sleeves, cuff: list[float]) -> None:
    _, garment = _measured(shirt_pixels(sleeves))
    sleeve = garment.outline.left.sleeve
    assert sleeve is not None
    assert sleeve.outer[-1] == pytest.approx(cuff, abs=14)


def test_both_halves_of_a_symmetric_shirt_mirror_each_other() -> None:
    _, garment = _measured(shirt_pixels())
    mirror = np.array([2 * garment.silhouette.middle, 0]) + np.array([-1, 1]) * garment.outline.left.flank
    assert np.abs(mirror - garment.outline.right.flank).max() < 8


def test_a_folded_sleeve_borrows_the_other_one() -> None:
    pixels = shirt_pixels("long").copy()
    pixels[230:, 345:] = pixels[2, 2]
    _, garment = _measured(pixels)
    assert garment.mirrored == {"right"}
    assert all(garment.outline.half(side).sleeve is not None for side in SIDES)


def _noise() -> Rgb:
    return np.random.default_rng(1).integers(0, 256, (150, 150, 3), np.uint8)


def _plain() -> Rgb:
    return np.full((400, 300, 3), (180, 40, 60), np.uint8)


def _landscape() -> Rgb:
    rows = np.concatenate(
        [np.linspace((90, 140, 220), (220, 230, 240), 250), np.linspace((90, 140, 60), (40, 80, 30), 150)]
    )
    return np.repeat(rows[:, None].astype(np.uint8), 600, axis=1)


def _ball() -> Rgb:
    ys, xs = np.mgrid[:400, :400]
    picture = np.full((400, 400, 3), 235, np.uint8)
    picture[(xs - 200) ** 2 + (ys - 200) ** 2 < 130**2] = (200, 60, 40)
    return picture


def _speck() -> Rgb:
    picture = np.full((400, 400, 3), 235, np.uint8)
    picture[190:215, 190:215] = (200, 60, 40)
    return picture


def _half(photo: Callable[[], Rgb]) -> Callable[[], Rgb]:
    return lambda: photo()[::2, ::2]


@pytest.mark.parametrize(
    "pixels",
    [_noise, _plain, _landscape, _ball, _speck, _half(data.chelsea), _half(data.coffee), _half(data.rocket)],
    ids=["noise", "plain", "landscape", "ball", "speck", "cat", "coffee", "rocket"],
)
def test_pictures_of_no_garment_are_refused(pixels) -> None:
    with pytest.raises(EngineError) as refusal:
        measure_garment(np.ascontiguousarray(pixels()), None)
    assert refusal.value.code == "garment_not_found"
    assert refusal.value.permanent
    assert "laid flat" in refusal.value.message


def test_an_empty_alpha_channel_is_no_garment() -> None:
    pixels, alpha = cut_out_pixels()
    with pytest.raises(EngineError, match="too small"):
        cut_out(pixels, np.zeros_like(alpha))
