"""Find the neckline on the garment: the superellipse between the collar points along which the picture has an edge.

Laid flat, a top shows the inside of its back above the front neckline; that part must not be worn.
"""

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from .arrays import Bits, Field, Points, Rgb
from .outline import NECK_POINTS
from .raster import blur, inner_distance, to_lab
from .silhouette import Silhouette

_CUT_BY_MASK = 0.11
"""From this dip on, as a share of the garment's height, the mask itself has the neckline."""
_USUAL_DEPTH = 0.095
_DEPTHS = (0.045, 0.20, 0.006)
_WIDTHS = (0.9, 1.1, 1.3, 1.5)
"""Half-widths to try, in distances of the collar points from the middle."""
_ROUND, _POINTED = 2.0, 1.25
_LEAST_POINTED = 0.10
_LEAST_STRENGTH = 1.5
"""A neckline's edge is at least this many times as strong as that of the usual curve drawn at random."""


@dataclass(frozen=True, slots=True)
class Neckline:
    """A superellipse: middle of its upper end (x, y), half-width and depth in pixels, and its exponent.

    `drawn`: it is the edge of the front, and what lies above it is the inside of the back.
    """

    x: float
    y: float
    half_width: float
    depth: float
    power: float
    drawn: bool

    def curve(self, count: int = NECK_POINTS) -> Points:
        """Return the curve from its left end over the lowest point to the right end."""
        angles = np.linspace(0, np.pi, count)
        across = np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** (2 / self.power)
        down = np.abs(np.sin(angles)) ** (2 / self.power)
        return np.stack([self.x - self.half_width * across, self.y + self.depth * down], axis=-1)


def find_neckline(rgb: Rgb, shape: Silhouette, collar: float, chest: float) -> Neckline:
    """Return the neckline of the garment whose collar points are `collar` pixels from its middle line."""
    level = float(np.mean([shape.upper_at(shape.middle + side * collar)[1] for side in (-1, 1)]))
    middle = int(shape.middle)
    dip = float(np.nanmedian(shape.upper[middle - 2 : middle + 3])) - level
    if dip > _CUT_BY_MASK * shape.height:
        return Neckline(shape.middle, level, collar, dip, _ROUND, drawn=False)
    usual = Neckline(shape.middle, level, collar, max(0.085 * shape.height, dip + 0.02 * shape.height), _ROUND, True)
    candidates = _candidates(shape, usual, dip, chest)
    strengths = _strengths(rgb, shape, candidates)
    if not len(strengths):
        return usual
    best = int((strengths * [_likeliness(line, shape.height) for line in candidates]).argmax())
    strong = strengths[best] > _LEAST_STRENGTH * (float(np.median(strengths)) + 1e-3)
    return candidates[best] if strong else usual


def _candidates(shape: Silhouette, usual: Neckline, dip: float, chest: float) -> list[Neckline]:
    found = []
    for power, width, share in product((_ROUND, _POINTED), _WIDTHS, np.arange(*_DEPTHS)):
        depth, half_width = float(share * shape.height), usual.half_width * width
        too_shallow = depth < dip + 0.025 * shape.height or (power == _POINTED and share < _LEAST_POINTED)
        if half_width <= 0.36 * chest and not too_shallow:
            found.append(Neckline(usual.x, usual.y, half_width, depth, power, drawn=True))
    return found


def _likeliness(line: Neckline, height: int) -> float:
    off = max(abs(line.depth / height - _USUAL_DEPTH) - 0.03, 0) / 0.07
    return float(np.exp(-(off**2))) * (1.0 if line.power == _ROUND else 0.85)


def _strengths(rgb: Rgb, shape: Silhouette, candidates: list[Neckline]) -> Points:
    """Return how strong an edge the picture has along each curve, across it."""
    lab = blur(to_lab(rgb), max(0.8, shape.height / 260))
    across = np.asarray(cv2.Sobel(lab, -1, 1, 0), np.float32)
    along = np.asarray(cv2.Sobel(lab, -1, 0, 1), np.float32)
    depth = inner_distance(shape.mask)
    return np.array([_strength(line, across, along, depth > 0.014 * shape.height) for line in candidates])


def _strength(line: Neckline, across: Field, along: Field, inside: Bits) -> float:
    curve = line.curve(91)[9:-9]
    columns = np.clip(curve[:, 0].astype(int), 0, across.shape[1] - 1)
    rows = np.clip(curve[:, 1].astype(int), 0, across.shape[0] - 1)
    within = inside[rows, columns]
    if within.mean() < 0.55:
        return 0.0
    tangent = np.gradient(curve, axis=0)
    tangent /= np.hypot(*tangent.T)[:, None] + 1e-6
    edge = across[rows, columns] * tangent[:, 1:] - along[rows, columns] * tangent[:, :1]
    strength = np.linalg.norm(edge, axis=1) * within
    return float(np.quantile(strength, 0.35) + 0.5 * np.median(strength))
