"""Tell a top from other things that stand out of a background: a cat, a cup, a landscape.

The limits lie between what tops measured (laid flat, on hangers, with and without sleeves) and what other things did.
"""

import cv2
import numpy as np

from .arrays import Bits
from .garment_points import Garment
from .raster import outer_contours, polygon
from .refusal import no_garment

_LEAST_SYMMETRY = 0.74
"""Overlap of the silhouette with its mirror image: tops 0.83 and more, animals and scenes up to 0.84."""
_LEAST_FIT = 0.905
"""Overlap of the silhouette with the outline of its key points: tops 0.92 and more, other things up to 0.91."""
_MOST_SOLID = 0.98
"""Share of its convex hull that the silhouette fills: tops have necks and armholes; balls and boxes have not."""
_PROPORTIONS = (0.25, 1.15)
"""Chest over height, from a long dress to a cropped top."""
_LEAST_CHEST_ATTACHED = 0.5
"""The same for sleeves that lie on the body, where the armpits are a guess."""


def check_shape(garment: Garment) -> None:
    """Raise EngineError unless the garment, which nobody wears in its picture, has the shape of a top."""
    mask = garment.silhouette.mask
    figures = {
        "symmetry": _symmetry(mask, garment.silhouette.middle),
        "fit": _fit(garment),
        "solidity": _solidity(mask),
        "proportion": garment.chest / garment.silhouette.height,
    }
    least, most = (_LEAST_CHEST_ATTACHED if garment.attached else _PROPORTIONS[0]), _PROPORTIONS[1]
    is_top = (
        figures["symmetry"] >= _LEAST_SYMMETRY
        and figures["fit"] >= _LEAST_FIT
        and figures["solidity"] <= _MOST_SOLID
        and least <= figures["proportion"] <= most
    )
    if not is_top:
        detail = ", ".join(f"{name} {value:.2f}" for name, value in figures.items())
        raise no_garment("No top is to be seen in the garment's picture.", detail)


def _overlap(a: Bits, b: Bits) -> float:
    return float(np.count_nonzero(a & b) / max(1, int(np.count_nonzero(a | b))))


def _symmetry(mask: Bits, middle: float) -> float:
    columns = np.arange(mask.shape[1])
    mirrored = np.rint(2 * middle - columns).astype(int)
    inside = (mirrored >= 0) & (mirrored < mask.shape[1])
    flipped = np.zeros_like(mask)
    flipped[:, columns[inside]] = mask[:, mirrored[inside]]
    return _overlap(mask, flipped)


def _fit(garment: Garment) -> float:
    mask, outline = garment.silhouette.mask, garment.outline
    shape = (mask.shape[0], mask.shape[1])
    covered = polygon(outline.body(), shape) > 0.5
    for half in (outline.left, outline.right):
        if half.sleeve is not None:
            covered |= polygon(np.concatenate([half.sleeve.outer, half.sleeve.inner[::-1]]), shape) > 0.5
    return _overlap(mask, covered)


def _solidity(mask: Bits) -> float:
    contour = max(outer_contours(mask), key=len)
    return cv2.contourArea(contour) / max(1.0, cv2.contourArea(cv2.convexHull(contour)))
