"""Warp the garment on to the body: a thin-plate spline for the torso, ruled meshes for the sleeves.

One spline for everything would fold at the armpits, where the flank and the sleeve's underside part.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .arrays import Bits, Field, Mask, Point, Points, Rgb
from .fit import Fit
from .garment_points import Garment
from .geometry import along, arc_lengths, distance
from .outline import Half, Outline
from .raster import blur, dilate, erode, polygon, ramp, spread
from .sides import SIDES, Side, other

_GRID = 6
"""The spline is evaluated at every sixth pixel and interpolated between."""
_STIFFNESS = 1e-4
_FRINGE = 3
"""Pixels at the edge of the cloth that may be mixed with the background, or lie in its shadow."""
_ARMPIT_FRINGE, _ARMPIT_UP = 0.06, 0.03
"""Radius of the uncertain cloth at an armpit, and how far above the armpit its middle is, in chest widths."""
_BLEEDS = (3, 9, 27)
"""Blurs in pixels that carry the cloth's colour outwards, so that soft edges hold no background."""
_OVERLAP = 0.05
"""The torso reaches under the sleeves by this share of the shoulder span."""
_ARMHOLE = (0.35, 0.7)
"""Places along the armhole, from the tip to the armpit, that the spline carries."""
_MOST_TURN = 1.4
"""Radians by which the cloth may turn away from us at its sides."""
_SKIRT = 0.25
"""Below the hem's corners the outline leaves room for a rounded or hanging hem, in spans."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A warped part of the garment, of the photo's size: colours from 0 to 255 and a soft mask."""

    colour: Field
    alpha: Mask


@dataclass(frozen=True, slots=True)
class Dressed:
    """The garment on the body: its torso, and its sleeves by side, which lie over the torso."""

    torso: Layer
    sleeves: dict[Side, Layer]

    @property
    def cover(self) -> Mask:
        """What the garment covers."""
        parts = [self.torso.alpha, *(layer.alpha for layer in self.sleeves.values())]
        return np.asarray(np.max(parts, axis=0), np.float32)


def warp(rgb: Rgb, mask: Mask, garment: Garment, fitted: Fit, span: float, shape: tuple[int, int]) -> Dressed:
    """Return the garment (its picture, mask and key points) warped on to the fitted outline.

    `span` is the shoulder span in pixels, `shape` the (height, width) of the person's photo.
    """
    cloth = _bleed(rgb, mask, garment)
    sleeves: dict[Side, Layer] = {}
    for side in SIDES:
        target = fitted.outline.half(side)
        source = garment.outline.half(other(side) if side in garment.mirrored else side)
        if target.sleeve is not None and source.sleeve is not None:
            sleeves[side] = _sleeve(cloth, source, target, shape, span)
    return Dressed(_torso(cloth, _torso_mask(mask, garment), garment.outline, fitted, span, shape), sleeves)


def _bleed(rgb: Rgb, mask: Mask, garment: Garment) -> Field:
    """Return the picture with the cloth's colours carried outwards over the background.

    The armpits, where shadows of the garment and slivers of the background hide, are carried over too.
    """
    sure = erode(mask > 0.9, _FRINGE)
    ys, xs = np.mgrid[: mask.shape[0], : mask.shape[1]]
    for side in () if garment.attached else SIDES:
        x, y = garment.outline.half(side).armpit
        sure &= np.hypot(xs - x, ys - y + _ARMPIT_UP * garment.chest) > _ARMPIT_FRINGE * garment.chest
    colours = rgb.astype(np.float32)
    filled = colours.copy()
    unknown = ~sure
    for sigma in _BLEEDS:
        mean, weight = spread(colours, sure.astype(np.float32), sigma)
        reached = unknown & (weight > 0.02)
        filled[reached] = mean[reached]
        unknown &= ~reached
    return filled


def _torso_mask(mask: Mask, garment: Garment) -> Mask:
    """Return the mask of the torso's cloth: grown at the sides, where the outline on the body cuts; its own at the
    hem; cut along the neckline."""
    shape, outline = garment.silhouette, garment.outline
    radius = max(2, round(0.03 * shape.height))
    rows = np.arange(mask.shape[0])[:, None]
    columns = np.arange(mask.shape[1])[None]
    trunk = polygon(outline.body(), (mask.shape[0], mask.shape[1])) > 0.5
    grown = np.maximum(mask, dilate((mask > 0.5) | trunk, radius).astype(np.float32))
    left, right = outline.left.collar[0], outline.right.collar[0]
    own = (rows > garment.hem - radius) | ((columns > left) & (columns < right) & (rows < outline.neckline[:, 1].max()))
    result = np.where(own, mask, grown).astype(np.float32)
    if not garment.neckline.drawn:
        return result
    top = shape.top - 0.2 * shape.height
    curve = outline.neckline
    aside = 2 * radius
    neck = np.concatenate([[[curve[0, 0] - aside, top]], curve, [[curve[-1, 0] + aside, top]]])
    return result * (1 - blur(polygon(neck, (mask.shape[0], mask.shape[1])), 1.0))


def _control_points(source: Outline, target: Outline, scale: float) -> tuple[Points, Points]:
    """Return the points that the spline carries, in the source and in the target: the torso's outline, the neckline,
    and places across the torso, which keep the cloth's own scale in the middle and turn away at the sides."""
    starts, ends = [_edges(source)], [_edges(target)]
    for (left, right), (to_left, to_right) in zip(_rows(source), _rows(target), strict=True):
        shares, turned = _around(scale * distance(left, right), distance(to_left, to_right))
        starts.append(left + (right - left) * shares[:, None])
        ends.append(to_left + (to_right - to_left) * turned[:, None])
    return np.concatenate(starts), np.concatenate(ends)


def _edges(outline: Outline) -> Points:
    halves = [line for half in (outline.left, outline.right) for line in (half.shoulder, half.flank)]
    armholes = [_on_armhole(half, share)[None] for half in (outline.left, outline.right) for share in _ARMHOLE]
    return np.concatenate([*halves, *armholes, outline.neckline[1:-1]])


def _on_armhole(half: Half, share: float) -> Point:
    return np.asarray(half.tip * (1 - share) + half.armpit * share)


def _rows(outline: Outline) -> list[tuple[Point, Point]]:
    """Return the ends of some lines across the torso, from below the neckline to the hem."""
    left, right = outline.left, outline.right
    upper = _on_armhole(left, _ARMHOLE[1]), _on_armhole(right, _ARMHOLE[1])
    return [upper, *zip(left.flank[::2], right.flank[::2], strict=True)]


def _around(cloth: float, seen: float) -> tuple[Points, Points]:
    """Return places across a row of cloth, as shares of its width, and where they are seen around the body.

    The cloth lies on a cylinder of which `seen` pixels are the chord in view: sin(angle)/angle is what is left of it.
    """
    angles = np.linspace(0.05, _MOST_TURN, 40)
    angle = float(np.interp(-seen / cloth, -np.sin(angles) / angles, angles))
    across = np.array([-0.7, -0.35, 0.0, 0.35, 0.7])
    return (1 + across) / 2, (1 + np.sin(across * angle) / np.sin(angle)) / 2


def _torso(cloth: Field, mask: Mask, source: Outline, fitted: Fit, span: float, shape: tuple[int, int]) -> Layer:
    target = fitted.outline
    knots, to = _control_points(source, target, fitted.scale)
    pad = 0.2 * span
    box = _box(to.min(axis=0) - pad, to.max(axis=0) + pad + np.array([0, _SKIRT * span]), shape)
    places = _thin_plate(to, knots, box)
    colour, alpha = _sample(cloth, mask, places, box, shape)
    return Layer(colour, alpha * _room(target, span, shape))


def _room(target: Outline, span: float, shape: tuple[int, int]) -> Mask:
    """Return where the torso may be: its outline on the body, a little under the sleeves, and below the hem."""
    left, right = target.left, target.right
    down = np.array([0.0, _SKIRT * span])
    skirt = np.stack([left.flank[-1], left.flank[-1] + down, right.flank[-1] + down, right.flank[-1]])
    neck = np.stack([left.collar, left.collar - down, right.collar - down, right.collar])
    room = np.maximum(polygon(target.body(), shape), polygon(skirt, shape))
    room = np.maximum(room, polygon(neck, shape))
    for half in (left, right):
        if half.sleeve is not None:
            room = np.maximum(room, polygon(_armhole_flap(half, span), shape))
    return blur(ramp(room, 0, 0.5), 0.7)


def _armhole_flap(half: Half, span: float) -> Points:
    """Return a strip along the armhole that the sleeve covers."""
    assert half.sleeve is not None
    near = along(half.sleeve.outer, np.linspace(0, 2 * _OVERLAP * span, 4))
    inner = along(half.sleeve.inner, np.linspace(0, 2 * _OVERLAP * span, 4))
    return np.concatenate([half.tip[None], near, inner[::-1], half.armpit[None]])


def _box(low: Points, high: Points, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return x0, y0, x1, y1 of the whole pixels between two corners, within the raster."""
    x0, y0 = np.maximum(np.floor(low), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(high), [shape[1], shape[0]]).astype(int)
    return int(x0), int(y0), max(int(x1), int(x0) + 1), max(int(y1), int(y0) + 1)


def _thin_plate(to: Points, source: Points, box: tuple[int, int, int, int]) -> Field:
    """Return, for the pixels of the box, their places in the source: the spline through the point pairs.

    Bookstein, "Principal Warps: Thin-Plate Splines and the Decomposition of Deformations", 1989.
    """
    unit = float(np.ptp(to, axis=0).max())
    knots, count = to / unit, len(to)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _bending(knots, knots) + _STIFFNESS * np.eye(count)
    system[:count, count:] = np.column_stack([np.ones(count), knots])
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.solve(system, np.concatenate([source, np.zeros((3, 2))]))
    x0, y0, x1, y1 = box
    columns, rows = np.arange(x0, x1 + _GRID, _GRID), np.arange(y0, y1 + _GRID, _GRID)
    nodes = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2) / unit
    coarse = np.column_stack([_bending(nodes, knots), np.ones(len(nodes)), nodes]) @ weights
    coarse = coarse.reshape(len(rows), len(columns), 2).astype(np.float32)
    ys, xs = np.mgrid[: y1 - y0, : x1 - x0].astype(np.float32) / np.float32(_GRID)
    return np.asarray(cv2.remap(coarse, xs, ys, cv2.INTER_LINEAR), np.float32)


def _bending(a: Points, b: Points) -> Points:
    """Return the spline's kernel r² log r² between all points of a and of b."""
    squared = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    return np.asarray(squared * np.log(squared + 1e-12))


def _sample(
    cloth: Field, mask: Mask | None, places: Field, box: tuple[int, int, int, int], shape: tuple[int, int]
) -> tuple[Field, Mask]:
    """Return the cloth's colours at the places in the box, and its mask there (1 where there is no mask)."""
    x0, y0, x1, y1 = box
    colour, alpha = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    found = cv2.remap(cloth, places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    colour[y0:y1, x0:x1] = np.clip(found, 0, 255)
    if mask is None:
        alpha[y0:y1, x0:x1] = 1
    else:
        alpha[y0:y1, x0:x1] = cv2.remap(mask, places, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
    return colour, alpha


def _sleeve(cloth: Field, source: Half, target: Half, shape: tuple[int, int], span: float) -> Layer:
    """Return the sleeve between its two edges, fading in over the armhole's seam."""
    assert source.sleeve is not None
    assert target.sleeve is not None
    to, origin = target.sleeve, source.sleeve
    corners = np.concatenate([to.outer, to.inner[::-1]])
    pad = 0.1 * span
    box = _box(corners.min(axis=0) - pad, corners.max(axis=0) + pad, shape)
    places, depth, known = _ruled(to.outer, to.inner, origin.outer, origin.inner, box)
    colour, reached = _sample(cloth, None, places, box, shape)
    seam = np.zeros(shape, np.float32)
    x0, y0, x1, y1 = box
    seam[y0:y1, x0:x1] = ramp(depth, 0, 0.03 * span) * known
    return Layer(colour, reached * seam * blur(polygon(corners, shape), 0.6))


def _ruled(
    outer: Points, inner: Points, source_outer: Points, source_inner: Points, box: tuple[int, int, int, int]
) -> tuple[Field, Field, Bits]:
    """Return, for the pixels of the box, their places in the source, and how far (pixels) from the armhole they are.

    The rulers join the two edges, point by point. The mesh is scattered into the pixels and averaged there.
    """
    x0, y0, x1, y1 = box
    lengths = arc_lengths((outer + inner) / 2)
    count = int(max(40, 1.7 * max(arc_lengths(outer)[-1], arc_lengths(inner)[-1])))
    widest = float(np.hypot(*(outer - inner).T).max())
    at = np.linspace(0, lengths[-1], count)
    across = np.linspace(-0.08, 1.08, int(max(30, 2.2 * widest)))[None, :, None]

    def mesh(first: Points, second: Points) -> Points:
        ends = [
            np.stack([np.interp(at, lengths, line[:, axis]) for axis in (0, 1)], axis=-1) for line in (first, second)
        ]
        return (ends[0][:, None] * (1 - across) + ends[1][:, None] * across).reshape(-1, 2)

    pixels = np.rint(mesh(outer, inner)).astype(int) - [x0, y0]
    values = np.column_stack([mesh(source_outer, source_inner), np.repeat(at, across.shape[1])])
    width, height = x1 - x0, y1 - y0
    inside = ((pixels >= 0) & (pixels < [width, height])).all(axis=1)
    index = pixels[inside, 1] * width + pixels[inside, 0]

    def scatter(weights: Points | None) -> Field:
        total = np.bincount(index, weights, minlength=width * height).reshape(height, width)
        return blur(total.astype(np.float32), 0.8)

    hits = scatter(None)
    means = [scatter(values[inside, column]) / np.maximum(hits, np.float32(1e-4)) for column in range(3)]
    return np.stack(means[:2], axis=-1), means[2], hits > 0.05
