"""The whole way from two pictures to one."""

from functools import cache

import cv2
import numpy as np
import pytest
from skimage.metrics import structural_similarity

from tryon.engines.base import EngineError
from tryon.engines.local.arrays import Field, Mask, Rgb
from tryon.engines.local.compose import Change, apply, compose
from tryon.engines.local.fit import fit
from tryon.engines.local.garment_mask import cut_out
from tryon.engines.local.pipeline import dress, measure_garment
from tryon.engines.local.raster import dilate, scale_picture
from tryon.engines.local.warp import Dressed, warp

from .conftest import cut_out_pixels, portrait_parsing, portrait_person, portrait_pixels, shirt_pixels

_GARMENTS = ("short", "long", "stripes")


@cache
def cloth_of(garment: str) -> Rgb:
    pixels = shirt_pixels("long" if garment == "long" else "short", stripes=garment == "stripes")
    return scale_picture(pixels, 900 / max(pixels.shape))


@cache
def _stages(garment: str) -> tuple[Dressed, Rgb]:
    photo, cloth = portrait_pixels(), cloth_of(garment)
    person, parsing = portrait_person(), portrait_parsing()
    mask, measured = measure_garment(cloth, None)
    fitted = fit(person, parsing, measured)
    layers = warp(cloth, mask, measured, fitted, person.frame.span, (photo.shape[0], photo.shape[1]))
    return layers, apply(compose(photo, person, parsing, fitted, layers), photo)


def dressed_in(garment: str) -> Rgb:
    return _stages(garment)[1]


def _layers(garment: str) -> Dressed:
    return _stages(garment)[0]


def _histogram(rgb: Rgb, mask: Mask) -> Field:
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    counts = cv2.calcHist([lab], [1, 2], (mask > 0.9).astype(np.uint8), [16, 16], [0, 256, 0, 256])
    return np.asarray(counts / counts.sum(), np.float32)


@pytest.mark.parametrize("garment", _GARMENTS)
def test_the_garments_colours_are_kept(garment: str) -> None:
    cloth = cloth_of(garment)
    worn = _histogram(dressed_in(garment), _layers(garment).cover)
    assert 0.5 * np.abs(worn - _histogram(cloth, cut_out(cloth, None))).sum() <= 0.15


def test_the_same_pictures_give_the_same_result() -> None:
    assert np.array_equal(dress(portrait_pixels(), shirt_pixels(), None), dressed_in("short"))


@pytest.mark.parametrize("garment", ["short", "long"])
def test_what_is_not_dressed_stays_as_it_is(garment: str) -> None:
    photo, result = portrait_pixels(), dressed_in(garment)
    changed = (photo != result).any(axis=2)
    assert 0.1 < changed.mean() < 0.6
    assert not changed[:130].any(), "the face and the background beside it"
    _, similarity = structural_similarity(photo, result, channel_axis=2, full=True)
    assert similarity.mean(axis=2)[~dilate(changed, 5)].min() >= 0.99


@pytest.mark.parametrize("garment", ["short", "long"])
def test_the_chest_is_covered_without_gaps(garment: str) -> None:
    right, down = portrait_person().frame.fields((512, 512))
    chest = (np.abs(right) < 0.35) & (down > 0.2) & (down < 0.8)
    assert _layers(garment).cover[chest].min() > 0.98


def test_none_of_the_table_comes_along() -> None:
    lightness = cv2.cvtColor(dressed_in("short"), cv2.COLOR_RGB2GRAY)
    cover = _layers("short").cover
    edge = (cover > 0.6) & ~(cv2.erode(cover, np.ones((9, 9))) > 0.9)
    assert np.quantile(lightness[edge], 0.95) < 150, "the shirt is dark, the table is light"


def test_long_sleeves_cover_more_than_short_ones() -> None:
    assert (_layers("long").cover > 0.5).sum() > 1.1 * (_layers("short").cover > 0.5).sum()


def test_a_cut_out_needs_no_contrast() -> None:
    shirt, alpha = cut_out_pixels()
    changed = (dress(portrait_pixels(), shirt, alpha) != portrait_pixels()).any(axis=2)
    usual = (dressed_in("short") != portrait_pixels()).any(axis=2)
    assert (changed & usual).sum() / (changed | usual).sum() > 0.93


def test_a_garment_that_somebody_wears_is_taken_off_them() -> None:
    mask, garment = measure_garment(dressed_in("stripes"), None)
    assert not garment.neckline.drawn
    assert 0.1 < (mask > 0.5).mean() < 0.6


def test_the_person_is_refused_before_the_garment() -> None:
    with pytest.raises(EngineError) as refusal:
        dress(shirt_pixels(), portrait_pixels()[:100], None)
    assert refusal.value.code == "person_not_found"


def _patch() -> Change:
    gain, light = np.ones((40, 30), np.float32), np.zeros((40, 30, 3), np.float32)
    gain[10:20, 5:15] = 0
    light[10:20, 5:15] = 200
    return Change(gain, light)


def test_a_change_is_put_exactly_where_it_belongs() -> None:
    photo = np.random.default_rng(1).integers(0, 256, (40, 30, 3), np.uint8)
    expected = photo.copy()
    expected[10:20, 5:15] = 200
    assert np.array_equal(apply(_patch(), photo), expected)


def test_only_the_change_is_enlarged() -> None:
    photo = np.random.default_rng(1).integers(0, 256, (1200, 900, 3), np.uint8)
    result = apply(_patch(), photo)
    assert (result[330:570, 180:420] == 200).all()
    outside = np.ones((1200, 900), bool)
    outside[270:630, 120:480] = False
    assert np.array_equal(result[outside], photo[outside])


def test_what_is_in_front_hides_a_change() -> None:
    change = _patch().restored(np.ones((40, 30), np.float32)).settled()
    assert (change.gain == 1).all()
    assert not change.light.any()


def test_slivers_are_refused(portrait: Rgb) -> None:
    sliver = np.zeros((2000, 3, 3), np.uint8)
    with pytest.raises(EngineError) as person_refused:
        dress(sliver, portrait, None)
    with pytest.raises(EngineError) as garment_refused:
        dress(portrait, sliver, None)
    assert person_refused.value.code == "person_not_found"
    assert garment_refused.value.code == "garment_not_found"
