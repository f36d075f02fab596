"""What comes to light where the old top is and the new one is not: skin on the neck and arms, background elsewhere."""

from dataclasses import dataclass

import numpy as np

from .arm import Arm
from .arrays import Field, Mask, Rgb
from .geometry import march
from .parsing import BOTTOM, HAIR, SKIN, TOP, Parsing
from .person import Person
from .raster import blur, dilate, enlarge, erode, inner_distance, lab_to_rgb, polygon, ramp, shrink, wide_spread
from .sides import SIDES, sign

_BACKGROUND_BLURS = (0.04, 0.12, 0.5)
"""In spans: the background is filled in from as near as it can be."""
_FILL_SCALE = 0.25
_FRINGE = 0.025
"""In spans: how far the colours of a person and of the background are mixed at the outline."""
_MID_NECK = -0.36
_NECK_WIDTHS = (0.17, 0.24)
_CLAVICLE = 0.42
"""What a neckline can bare reaches this far from the middle, in spans."""


@dataclass(frozen=True, slots=True)
class Revealed:
    """What to paint under the garment: colours from 0 to 255, and how much of them; and what is then the body."""

    colour: Field
    alpha: Mask
    body: Mask


def reveal(rgb: Rgb, person: Person, parsing: Parsing, cover: Mask, hem: float) -> Revealed:
    """Return what replaces the old top where the new one does not cover it.

    Below the hem (spans) of the new top, the old one stays: it looks like a layer worn under it.
    """
    span = person.frame.span
    right, down = person.frame.fields(cover.shape)
    layered = (down > hem) & (np.abs(right) < 0.5)
    alpha = np.clip(1.3 * old_top(person, parsing) * ~layered, 0, 1) * (1 - cover)
    limbs, roundness = _limbs(person, parsing, right, down)
    skin = _skin(rgb, person, parsing, roundness, down)
    background = _background(rgb, person)
    zone = blur(limbs, max(0.8, 0.006 * span))
    colour = background + (skin - background) * zone[..., None]
    return Revealed(colour, alpha.astype(np.float32), person.mask + (zone - person.mask) * alpha)


def old_top(person: Person, parsing: Parsing) -> Mask:
    """Return the old top, grown over the fringe of mixed colours at its edge, but over no hair, face or trousers."""
    top = np.maximum(parsing[TOP], parsing[BOTTOM]) if parsing.one_piece else parsing[TOP]
    ys, xs = np.mgrid[: top.shape[0], : top.shape[1]].astype(np.float32)
    x, y = person.face.centre
    face = (np.hypot(xs - x, ys - y) < 0.8 * person.face.width) & (parsing[SKIN] > 0.5)
    grown = dilate(top > 0.3, max(2, round(_FRINGE * person.frame.span))) & ~face
    others = (1 - parsing[HAIR]) * np.where(parsing.one_piece, 1, 1 - parsing[BOTTOM])
    return np.asarray(np.maximum(top, blur(grown.astype(np.float32), 1)) * others, np.float32)


def _limbs(person: Person, parsing: Parsing, right: Field, down: Field) -> tuple[Mask, Field]:
    """Return where neck and arms are, and the light on their round forms (1 in the middle, less at the edges)."""
    span = person.frame.span
    shape = (right.shape[0], right.shape[1])
    neck_width = np.minimum(_neck_width(person, parsing) + 0.02 + np.maximum(down + 0.36, 0), _CLAVICLE)
    limbs = ((np.abs(right) < neck_width) & (down > -0.55) & (down < 0.3)).astype(np.float32)
    roundness = np.ones(limbs.shape, np.float32)
    for side in SIDES:
        bare = Arm.of(person, parsing, side)
        arm = np.maximum(polygon(bare.shape(), shape), polygon(bare.shoulder(), shape))
        limbs = np.maximum(limbs, arm)
        depth = np.clip(inner_distance(arm > 0.5) / np.float32(0.11 * span), 0, 1)
        form = np.float32(0.74) + np.float32(0.26) * np.sqrt(1 - (1 - depth) ** 2)
        roundness = np.where((arm > 0.5) & (np.abs(right) > 0.3), np.minimum(roundness, form), roundness)
    return limbs, roundness.astype(np.float32)


def _neck_width(person: Person, parsing: Parsing) -> float:
    """Return half the width of the neck, in spans, as its skin shows it."""
    frame = person.frame
    skin = parsing[SKIN] > 0.5
    start = frame.at(0, _MID_NECK)
    walked = [march(skin, start, frame.right * sign(side), frame.span) / frame.span for side in SIDES]
    return float(np.clip(np.mean(walked), *_NECK_WIDTHS))


def _skin(rgb: Rgb, person: Person, parsing: Parsing, roundness: Field, down: Field) -> Field:
    """Return skin everywhere: as near by where some is to be seen, else of the neck's or the arms' usual colour."""
    span = person.frame.span
    seen = erode(parsing[SKIN] > 0.7, max(1, round(0.015 * span))) & (down > -0.35)
    colours, seen_weight = rgb.astype(np.float32), seen.astype(np.float32)
    around, weight = wide_spread(colours, seen_weight, 0.14 * span, _FILL_SCALE)
    beside, close = wide_spread(colours, seen_weight, 0.04 * span, _FILL_SCALE)
    near = around + (beside - around) * np.clip(10 * close, 0, 1)[..., None]
    neck, arm = lab_to_rgb(parsing.neck_tone), lab_to_rgb(parsing.arm_tone)
    under_chin = 0.82 + 0.18 * ramp(down, -0.42, -0.15)
    usual = np.where((roundness < 1)[..., None], arm, neck * under_chin[..., None])
    trust = np.clip(5 * weight, 0, 1)[..., None]
    mixed = (near * trust + usual * (1 - trust)) * np.where(roundness < 1, roundness / np.float32(0.93), 1)[..., None]
    return blur(np.clip(mixed, 0, 255).astype(np.float32), max(1, 0.015 * span))


def _background(rgb: Rgb, person: Person) -> Field:
    """Return the photo with the person painted over by what is beside them."""
    span = person.frame.span * _FILL_SCALE
    fringe = max(2, round(_FRINGE * person.frame.span))
    outside = shrink((~dilate(person.mask > 0.1, fringe)).astype(np.float32), _FILL_SCALE)
    colours = shrink(rgb.astype(np.float32), _FILL_SCALE)
    filled, known = np.zeros_like(colours), np.zeros_like(outside)
    for sigma in _BACKGROUND_BLURS:
        weight = blur(outside, sigma * span)
        mean = blur(colours * outside[..., None], sigma * span) / np.maximum(weight, np.float32(1e-4))[..., None]
        share = (1 - known) * np.clip(8 * weight, 0, 1)
        filled += mean * share[..., None]
        known += share
    usable = known[..., None] > 0.2
    filled = np.where(usable, filled / np.maximum(known, np.float32(0.2))[..., None], colours)
    return enlarge(filled.astype(np.float32), (rgb.shape[0], rgb.shape[1]))
