"""The garment's silhouette: its middle line, its edges row by row, and the armpits."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import Bits, Mask, Point, Points
from .raster import components, fill_holes, outer_contours
from .sides import SIDES, Side, other, sign

_ARMPIT_DEPTH = 0.33
"""Where the armpits are, as a share of the garment's height, and how far from there they may be."""
_ARMPIT_SPREAD = 0.17
_LOWEST_ARMPIT = 0.62
_HIGHEST_ARMPIT = 0.12
_GUESSED_ARMPIT = 0.31
_LEAST_NOTCH = 0.03
_LEAST_GAP = 0.002
"""Holes below this share of the garment are no gap between a sleeve and the body."""


@dataclass(frozen=True, slots=True)
class Silhouette:
    """The garment's mask with its extent (rows), the x of its middle line, and its edges.

    `left` and `right` are, per row, the ends of the run around the middle line (NaN where there is none);
    `upper` is, per column, the first row of the garment (NaN where there is none).
    """

    mask: Bits
    top: int
    bottom: int
    middle: float
    left: Points
    right: Points
    upper: Points

    @property
    def height(self) -> int:
        """Rows from the highest to the lowest point."""
        return self.bottom - self.top + 1

    @property
    def lower_width(self) -> float:
        """The usual width of the body below the armpits."""
        rows = self.rows(0.45, 0.9)
        return float(np.nanmedian(self.right[rows] - self.left[rows]))

    def rows(self, start: float, end: float) -> slice:
        """Return the rows between two shares of the height."""
        return slice(int(self.top + start * self.height), int(self.top + end * self.height))

    def edge(self, side: Side) -> Points:
        """Return, per row, the x of the edge on that side."""
        return self.left if side == "left" else self.right

    def upper_at(self, x: float) -> Point:
        """Return the highest point of the garment in the column at x."""
        column = int(np.clip(x, 0, len(self.upper) - 1))
        height = self.upper[column]
        return np.array([x, self.top if np.isnan(height) else height], np.float64)


@dataclass(frozen=True, slots=True)
class Armpits:
    """The two armpits. `sleeved`: they are real ones. `attached`: the sleeves lie on the body, without a gap."""

    left: Point
    right: Point
    sleeved: bool
    attached: bool = False

    def on(self, side: Side) -> Point:
        """Return the armpit on that side."""
        return self.left if side == "left" else self.right

    @property
    def chest(self) -> float:
        """The distance between them, in pixels."""
        return float(self.right[0] - self.left[0])


def trace(mask: Mask) -> Silhouette:
    """Return the silhouette of the garment's soft mask, which must not be empty."""
    bits = mask > 0.5
    ys, xs = np.nonzero(bits)
    columns = bits.any(axis=0)
    upper = np.where(columns, bits.argmax(axis=0), np.nan).astype(np.float64)
    empty = np.full(bits.shape[0], np.nan)
    silhouette = Silhouette(bits, int(ys.min()), int(ys.max()), float(np.median(xs)), empty, empty, upper)
    for _ in range(2):
        left, right = _central_runs(bits, silhouette.middle)
        silhouette = replace(silhouette, left=left, right=right)
        rows = silhouette.rows(0.45, 0.9)
        silhouette = replace(silhouette, middle=float(np.nanmedian((left[rows] + right[rows]) / 2)))
    return silhouette


def _central_runs(bits: Bits, middle: float) -> tuple[Points, Points]:
    """Return, per row, the ends of the run of garment pixels that covers the middle line or is nearest to it."""
    left, right = np.full(len(bits), np.nan), np.full(len(bits), np.nan)
    for y in np.flatnonzero(bits.any(axis=1)):
        steps = np.diff(np.concatenate([[0], bits[y].astype(np.int8), [0]]))
        starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1
        away = np.maximum(np.maximum(starts - middle, middle - ends), 0)
        nearest = int(away.argmin())
        left[y], right[y] = starts[nearest], ends[nearest]
    return left, right


def find_armpits(shape: Silhouette) -> Armpits:
    """Return the armpits: from notches of the outline, gaps beside the body, or the width of the hem."""
    notches, low = _notches(shape)
    found = {side: best for side in SIDES if (best := _deepest(notches[side] + _gaps(shape)[side])) is not None}
    if not found:
        return _without_notches(shape, low)
    for side in SIDES:
        if side not in found:
            x, y = found[other(side)][0]
            row = int(y)
            mirrored = np.clip(2 * shape.middle - x, shape.left[row], shape.right[row])
            found[side] = (np.array([mirrored, y]), 0.0)
    left, right = found["left"], found["right"]
    if abs(left[0][1] - right[0][1]) > 0.25 * shape.height:
        mirror = np.array([2 * shape.middle, 0.0])
        flip = np.array([-1.0, 1.0])
        if left[1] > right[1]:
            right = (mirror + flip * left[0], 0.0)
        else:
            left = (mirror + flip * right[0], 0.0)
    return Armpits(left[0], right[0], sleeved=True)


_Notch = tuple[Point, float]
"""A place and how sure it is an armpit, in pixels of depth."""


def _deepest(notches: list[_Notch]) -> _Notch | None:
    return max(notches, key=lambda notch: notch[1], default=None)


def _notches(shape: Silhouette) -> tuple[dict[Side, list[_Notch]], list[float]]:
    """Return the dents of the outline that may be armpits, and the offsets from the middle of those by the hem."""
    found: dict[Side, list[_Notch]] = {"left": [], "right": []}
    low: list[float] = []
    height, width = shape.height, shape.lower_width
    for (x, y), depth in _dents(shape.mask):
        side: Side = "left" if x < shape.middle else "right"
        offset = abs(x - shape.middle)
        if depth < _LEAST_NOTCH * height or offset < 0.28 * width or not _juts_out(shape, side, int(y), offset):
            continue
        share = (y - shape.top) / height
        sureness = depth * float(np.exp(-(((share - _ARMPIT_DEPTH) / _ARMPIT_SPREAD) ** 2)))
        if share > _LOWEST_ARMPIT:
            low.append(offset)
        elif share > _HIGHEST_ARMPIT and sureness > 0.012 * height:
            found[side].append((np.array([x, y], np.float64), sureness))
    return found, low


def _dents(mask: Bits) -> list[tuple[tuple[float, float], float]]:
    """Return the deepest point and the depth (pixels) of each dent of the outline."""
    contour = max(outer_contours(mask), key=len)
    hull = np.sort(cv2.convexHull(contour, returnPoints=False).ravel())[::-1]
    defects = cv2.convexityDefects(contour, np.ascontiguousarray(hull[:, None], np.int32))
    rows: list[NDArray[np.int32]] = [] if defects is None else list(np.asarray(defects, np.int32)[:, 0])
    return [((float(contour[deep][0]), float(contour[deep][1])), depth / 256) for _, _, deep, depth in rows]


def _juts_out(shape: Silhouette, side: Side, row: int, offset: float) -> bool:
    """Tell whether the garment above that row is wider on that side: a sleeve that sticks out."""
    above = (shape.edge(side)[shape.top + int(0.05 * shape.height) : row] - shape.middle) * sign(side)
    return len(above) >= 5 and bool(np.nanmax(above) >= offset + 0.03 * shape.height)


def _gaps(shape: Silhouette) -> dict[Side, list[_Notch]]:
    """Return the upper ends of the see-through gaps between the sleeves and the body."""
    found: dict[Side, list[_Notch]] = {"left": [], "right": []}
    parts, stats = components(fill_holes(shape.mask) & ~shape.mask)
    for label in range(1, len(stats)):
        tall, area = int(stats[label, cv2.CC_STAT_HEIGHT]), int(stats[label, cv2.CC_STAT_AREA])
        if area < _LEAST_GAP * shape.mask.sum() or tall < 0.1 * shape.height:
            continue
        row = int(stats[label, cv2.CC_STAT_TOP])
        x = float(np.flatnonzero(parts[row] == label).mean())
        found["left" if x < shape.middle else "right"].append((np.array([x, float(row)]), float(tall)))
    return found


def _without_notches(shape: Silhouette, low: list[float]) -> Armpits:
    """Return guessed armpits: the hem is the body's width where sleeves lie against it; else there are no sleeves."""
    widest = float(np.nanmax(shape.right - shape.left))
    row = shape.bottom - int(0.05 * shape.height)
    while row > shape.top and not shape.right[row] - shape.left[row] >= 0.35 * widest:
        row -= 1
    hem_width = float(shape.right[row] - shape.left[row])
    half = float(np.mean(low)) if low else hem_width / 2 if hem_width < 0.66 * widest else 0.0
    if half > 0.2 * widest:
        y = shape.top + _GUESSED_ARMPIT * shape.height
        ends = [np.array([shape.middle + sign(side) * 0.98 * half, y]) for side in SIDES]
        return Armpits(ends[0], ends[1], sleeved=True, attached=True)
    row = int(shape.top + 0.30 * shape.height)
    left, right = np.array([shape.left[row], float(row)]), np.array([shape.right[row], float(row)])
    return Armpits(left, right, sleeved=False)
