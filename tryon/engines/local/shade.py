"""Light on the new garment: the folds and the light of the old top, and the roundness of the body."""

import numpy as np

from .arrays import Bits, Field, Mask, Rgb
from .fit import Fit
from .geometry import distance_to_line
from .parsing import TOP, Parsing
from .person import Person
from .raster import blur, dilate, erode, inner_distance, ramp, spread, to_lab, wide_spread
from .sides import Side

_LEAST_TOP = 50
"""Pixels of old top below which it says nothing about the light."""
_FOLD, _WIDE = 0.026, 0.22
"""Widths, in spans, of the folds that are carried over and of the light around them."""
_RIM = (0.15, 0.030)
_ROUND = (0.12, 0.16)
"""Darkening at the garment's edge, and how far in (spans) it fades: of the turning cloth, and of the round body."""
_CREASE = (0.30, 0.05)
"""Darkening of a sleeve's underside, and how far from the edge it fades."""


def old_light(rgb: Rgb, parsing: Parsing, span: float) -> Field:
    """Return the factor by which the old top is lighter or darker than its usual colour, around 1.

    A patterned or a dark top tells little of its folds: there the factor stays near 1.
    """
    lab = to_lab(rgb)
    light = np.asarray(lab[..., 0], np.float32)
    inside = erode(parsing[TOP] > 0.6, max(1, round(0.02 * span)))
    if np.count_nonzero(inside) < _LEAST_TOP:
        return np.ones_like(light)
    usual = float(np.median(light[inside]))
    trust = _plainness(lab, inside, usual)
    weight = _without_print(lab, inside, usual).astype(np.float32)
    wide, known = wide_spread(light, weight, _WIDE * span)
    folds = (spread(light, weight, _FOLD * span)[0] - wide) / np.float32(max(usual, 55))
    folds *= ramp(blur(weight, 0.02 * span), 0.2, 0.8)
    broad = np.where(known > 0.05, (wide - usual) / np.float32(max(usual, 60)), 0).astype(np.float32)
    broad = np.clip(blur(broad, 0.06 * span), -0.3, 0.25)
    folds = np.clip(1.3 * blur(folds, 1.2), -0.25, 0.16)
    return np.asarray(1 + trust * folds + (0.25 + 0.5 * trust) * broad, np.float32)


def _plainness(lab: Field, inside: Bits, usual: float) -> float:
    """Return from 0 to 1 how far changes of lightness on the old top are folds and no pattern."""
    light = np.asarray(lab[..., 0], np.float32)
    grain = float(np.std((light - blur(light, 2))[inside]))
    variety = (np.std(light[inside]) / 26) ** 4 + (np.std(lab[..., 1:][inside]) / 9) ** 4
    return float(np.clip(usual / 90, 0.35, 1) / ((1 + variety) * (1 + (grain / 5) ** 2)))


def _without_print(lab: Field, inside: Bits, usual: float) -> Bits:
    """Return the old top without its print, where the print is the smaller part of it."""
    off_light = np.abs(lab[..., 0] - usual)
    usual_colour = np.median(lab[..., 1:][inside], axis=0)
    off_colour = np.hypot(lab[..., 1] - usual_colour[0], lab[..., 2] - usual_colour[1])
    much = max(30.0, 2.2 * 1.48 * float(np.median(off_light[inside])))
    printed = (off_light > much) | (off_colour > 14)
    small = np.count_nonzero(printed & inside) < 0.35 * np.count_nonzero(inside)
    return inside & ~dilate(printed, 2) if small else inside


def form(cover: Mask, person: Person) -> Field:
    """Return the factor that makes the flat cloth round: darker to the edges of the dressed body, less on top."""
    span = person.frame.span
    _, down = person.frame.fields(cover.shape)
    inwards = inner_distance(cover > 0.5) / np.float32(span)
    rim, rounded = (depth * np.exp(-inwards / width) for depth, width in (_RIM, _ROUND))
    below_shoulders = 0.35 + 0.65 * ramp(down, 0.0, 0.25)
    return np.asarray(1 - (rim + rounded) * below_shoulders, np.float32)


def crease(fitted: Fit, side: Side, span: float, shape: tuple[int, int]) -> Field:
    """Return the factor that darkens a sleeve along its underside, where it turns to the body."""
    sleeve = fitted.outline.half(side).sleeve
    assert sleeve is not None
    away, _ = distance_to_line(sleeve.inner, shape)
    depth, width = _CREASE
    return np.asarray(1 - depth * np.exp(-away / np.float32(width * span)), np.float32)


def shadow(mask: Mask, span: float, width: float) -> Field:
    """Return the soft shadow that a part throws beside itself, 0 to 1; `width` is in spans."""
    return np.clip(blur(mask, width * span) - mask, 0, 1)
