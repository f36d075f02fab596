"""Where the garment goes on the body, measured on the portrait and on figures posed by hand."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tryon.engines.local.arm import Arm
from tryon.engines.local.fit import Fit, fit
from tryon.engines.local.garment_points import Garment
from tryon.engines.local.geometry import distance
from tryon.engines.local.outline import FLANK_POINTS, NECK_POINTS, SHOULDER_POINTS, SLEEVE_POINTS
from tryon.engines.local.parsing import BACKGROUND, CLASSES, SKIN, TOP, Parsing
from tryon.engines.local.person import Frame, Person
from tryon.engines.local.pipeline import measure_garment
from tryon.engines.local.raster import polygon
from tryon.engines.local.sides import SIDES, sign
from tryon.samples.shirt import Sleeves

from .conftest import portrait_parsing, portrait_person, shirt_pixels

_SHAPE = (900, 600)
_SHOULDERS, _HIPS = ((200.0, 250.0), (400.0, 250.0)), ((245.0, 540.0), (355.0, 540.0))


@cache
def _garment(sleeves: Sleeves) -> Garment:
    return measure_garment(shirt_pixels(sleeves), None)[1]


@cache
def _figure(elbow: tuple[float, float], wrist: tuple[float, float]) -> tuple[Person, Parsing]:
    """A figure with shoulders 200 pixels apart whose arms mirror each other: the trunk in a top, the arms bare."""
    person = portrait_person()
    points = np.tile(np.array([300.0, 130.0]), (33, 1))
    visibility = np.ones(33)
    for side, first in zip(SIDES, (12, 11), strict=True):
        out = sign(side)
        points[first] = _SHOULDERS[0] if side == "left" else _SHOULDERS[1]
        points[first + 2] = 300 + out * elbow[0], elbow[1]
        points[first + 4] = points[first + 6] = points[first + 8] = points[first + 10] = 300 + out * wrist[0], wrist[1]
        points[first + 12] = _HIPS[0] if side == "left" else _HIPS[1]
    posed = replace(person.pose, points=points, visibility=visibility, mask=np.zeros(_SHAPE, np.float32))
    frame = Frame(np.array([300.0, 250.0]), np.array([1.0, 0.0]), np.array([0.0, 1.0]), 200.0, 1.45)
    bare = replace(person, pose=posed, frame=frame, mask=np.ones(_SHAPE, np.float32))
    classes = np.zeros((len(CLASSES), *_SHAPE), np.float32)
    nothing = Parsing(classes, *(np.array([170.0, 145.0, 150.0]),) * 2, *(np.full(3, np.nan),) * 2)
    arms = np.max([polygon(Arm.of(bare, nothing, side).shape(), _SHAPE) for side in SIDES], axis=0)
    trunk = polygon(np.array([[205, 215], [395, 215], [385, 560], [215, 560]], np.float64), _SHAPE)
    classes[TOP], classes[SKIN] = trunk, arms * (1 - trunk)
    classes[BACKGROUND] = 1 - np.maximum(trunk, arms)
    return replace(bare, mask=np.maximum(trunk, arms)), replace(nothing, masks=classes)


def _fitted(sleeves: Sleeves, elbow: tuple[float, float], wrist: tuple[float, float]) -> tuple[Person, Fit]:
    person, parsing = _figure(elbow, wrist)
    return person, fit(person, parsing, _garment(sleeves))


_POSES = pytest.mark.parametrize(
    ("elbow", "wrist"),
    [((125, 400), (130, 540)), ((170, 390), (235, 500)), ((180, 380), (90, 470)), ((220, 330), (300, 240))],
    ids=["hanging", "apart", "on the hips", "raised"],
)


@_POSES
def test_long_sleeves_reach_the_wrists(elbow, wrist) -> None:
    person, fitted = _fitted("long", elbow, wrist)
    for side in SIDES:
        sleeve = fitted.outline.half(side).sleeve
        assert sleeve is not None
        cuff = (sleeve.outer[-1] + sleeve.inner[-1]) / 2
        assert distance(cuff, person.arm(side)[2]) < 0.12 * person.frame.span


@_POSES
@pytest.mark.parametrize("sleeves", ["short", "long"])
def test_sleeves_hug_the_arm_all_along(sleeves: Sleeves, elbow, wrist) -> None:
    person, fitted = _fitted(sleeves, elbow, wrist)
    span = person.frame.span
    for side in SIDES:
        sleeve = fitted.outline.half(side).sleeve
        assert sleeve is not None
        widths = np.hypot(*(sleeve.outer - sleeve.inner)[6:].T) / span
        assert widths.min() > 0.14
        assert widths.max() < 0.48


def test_short_sleeves_end_on_the_upper_arm() -> None:
    person, fitted = _fitted("short", (125, 400), (130, 540))
    for side in SIDES:
        assert 0.4 < fitted.sleeve_ends[side] / distance(*person.arm(side)[:2]) < 0.95


def test_both_sides_of_a_symmetric_figure_mirror_each_other() -> None:
    _, fitted = _fitted("short", (125, 400), (130, 540))
    left, right = fitted.outline.left, fitted.outline.right
    for ours, theirs in ((left.shoulder, right.shoulder), (left.flank, right.flank)):
        assert np.abs(ours * [-1, 1] + [600, 0] - theirs).max() < 6


def test_the_outline_has_the_garments_number_of_points() -> None:
    _, fitted = _fitted("long", (125, 400), (130, 540))
    left = fitted.outline.left
    assert left.sleeve is not None
    assert (len(left.shoulder), len(left.flank), len(left.sleeve.outer), len(left.sleeve.inner)) == (
        SHOULDER_POINTS,
        FLANK_POINTS,
        SLEEVE_POINTS,
        SLEEVE_POINTS,
    )
    assert len(fitted.outline.neckline) == NECK_POINTS


def test_a_somewhat_longer_old_top_pulls_the_hem_down() -> None:
    person, parsing = _figure((125, 400), (130, 540))
    garment = _garment("short")
    usual = fit(person, parsing, garment).hem
    longer = parsing.masks.copy()
    below = int(250 + 200 * usual * 1.15)
    longer[TOP, 500:below, 220:380] = 1
    assert usual * 1.12 < fit(person, replace(parsing, masks=longer), garment).hem < usual * 1.25


def test_the_collar_lies_on_the_shoulders_of_the_portrait() -> None:
    person = portrait_person()
    fitted = fit(person, portrait_parsing(), _garment("short"))
    for side in SIDES:
        right, down = person.frame.place(fitted.outline.half(side).collar)
        assert 0.15 < right * sign(side) < 0.3
        assert -0.5 < down < -0.1
