"""Raster operations with their types: thin names over OpenCV, and the few filters it lacks."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import Bits, Field, Mask, Points, Rgb

RANDOM_SEED = 7
"""k-means and GrabCut draw random numbers: a fixed seed before each makes the same pictures give the same bytes."""

_SUBPIXEL = 4
"""Fraction bits of polygon corners, so that outlines do not snap to whole pixels."""


def blur(field: Field, sigma: float) -> Field:
    """Return the field under a Gaussian of `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(field, (0, 0), max(sigma, 0.3)), np.float32)


def spread(field: Field, weight: Mask, sigma: float) -> tuple[Field, Mask]:
    """Return the blurred mean of the field over the weighted pixels only, and the blurred weight."""
    soft = blur(weight, sigma)
    if field.ndim == 2:
        return blur(field * weight, sigma) / np.maximum(soft, np.float32(1e-4)), soft
    return blur(field * weight[..., None], sigma) / np.maximum(soft, np.float32(1e-4))[..., None], soft


def wide_spread(field: Field, weight: Mask, sigma: float, scale: float = 0.25) -> tuple[Field, Mask]:
    """Do `spread` on a smaller raster, for blurs so wide that nobody sees the difference."""
    height, width = weight.shape
    mean, soft = spread(shrink(field, scale), shrink(weight, scale), sigma * scale)
    return enlarge(mean, (height, width)), enlarge(soft, (height, width))


def shrink(field: Field, scale: float) -> Field:
    """Return the field at `scale` (below 1) of its size, averaged over areas."""
    return np.asarray(cv2.resize(field, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)


def enlarge(field: Field, shape: tuple[int, int]) -> Field:
    """Return the field at another (height, width), interpolated linearly."""
    return np.asarray(cv2.resize(field, shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def fit_within(rgb: Rgb, longest: int) -> Rgb:
    """Return the picture with its longest side at most `longest` pixels; a smaller one is returned as it is."""
    scale = longest / max(rgb.shape[:2])
    return rgb if scale >= 1 else scale_picture(rgb, scale)


def scale_picture(rgb: Rgb, scale: float) -> Rgb:
    """Return the picture at `scale` of its size."""
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=method), np.uint8)


def to_lab(rgb: Rgb) -> Field:
    """Return the picture in CIELAB as OpenCV's 8-bit scale has it: all three from 0 to 255."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)


def lab_to_rgb(colour: Points) -> NDArray[np.float32]:
    """Return one Lab colour (8-bit scale) as RGB, 0 to 255."""
    pixel = np.clip(colour, 0, 255).astype(np.uint8).reshape(1, 1, 3)
    return cv2.cvtColor(pixel, cv2.COLOR_LAB2RGB).astype(np.float32).reshape(3)


def to_grey(rgb: Rgb) -> Field:
    """Return the picture's luma, from 0 to 1."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / np.float32(255)


def guided(guide: Field, field: Field, radius: int, epsilon: float) -> Field:
    """Smooth the field along the edges of the grey guide (He et al., "Guided Image Filtering", 2010)."""

    def mean(values: Field) -> Field:
        box = (2 * radius + 1, 2 * radius + 1)
        return np.asarray(cv2.boxFilter(values, -1, box, borderType=cv2.BORDER_REFLECT), np.float32)

    mean_guide, mean_field = mean(guide), mean(field)
    slope = (mean(guide * field) - mean_guide * mean_field) / (mean(guide * guide) - mean_guide**2 + epsilon)
    offset = mean_field - slope * mean_guide
    return mean(slope) * guide + mean(offset)


def disc(radius: int) -> NDArray[np.uint8]:
    """Return a round structuring element."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)


def dilate(mask: Bits, radius: int) -> Bits:
    """Grow the mask by `radius` pixels."""
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc(radius)), bool)


def erode(mask: Bits, radius: int) -> Bits:
    """Shrink the mask by `radius` pixels."""
    return np.asarray(cv2.erode(mask.astype(np.uint8), disc(radius)), bool)


def inner_distance(mask: Bits) -> Field:
    """Return, inside the mask, the distance in pixels to its edge."""
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3), np.float32)


def components(mask: Bits) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the labels of the connected parts (0 is outside) and a row per label: x, y, width, height, area."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def largest(mask: Bits, keep: float = 1.0) -> Bits:
    """Return the largest connected part, and those at least `keep` times as large."""
    labels, stats = components(mask)
    if len(stats) < 2:
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    return np.asarray(np.isin(labels, 1 + np.flatnonzero(areas >= areas.max() * keep)), np.bool_)


def outer_contours(mask: Bits) -> Sequence[NDArray[np.int32]]:
    """Return the outlines of the mask's parts, each (n, 2)."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [np.ascontiguousarray(contour[:, 0], np.int32) for contour in found]


def fill_holes(mask: Bits) -> Bits:
    """Return the mask without its holes."""
    canvas = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(canvas, [c[:, None] for c in outer_contours(mask)], -1, 1, -1)
    return np.asarray(canvas, bool)


def polygon(corners: Points, shape: tuple[int, int]) -> Mask:
    """Return the polygon's soft mask, its edge smoothed over about a pixel."""
    canvas = np.zeros(shape, np.uint8)
    fixed = np.rint(corners * (1 << _SUBPIXEL)).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], 255, cv2.LINE_AA, _SUBPIXEL)
    return canvas.astype(np.float32) / np.float32(255)


def ramp(value: Field, start: float, end: float) -> Field:
    """Return 0 where the value is at or before `start`, 1 at or after `end`, and linear between."""
    return np.asarray(np.clip((value - np.float32(start)) / np.float32(end - start), 0, 1), np.float32)


def cluster(pixels: Field, count: int) -> tuple[NDArray[np.int32], Field]:
    """Return k-means labels and centres of the pixels, (n, 3) Lab."""
    cv2.setRNGSeed(RANDOM_SEED)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 15, 0.6)
    initial = np.zeros((len(pixels), 1), np.int32)
    _, labels, centres = cv2.kmeans(pixels, count, initial, criteria, 2, cv2.KMEANS_PP_CENTERS)
    return np.asarray(labels, np.int32).ravel(), np.asarray(centres, np.float32)


def grab_cut(rgb: Rgb, seeds: NDArray[np.uint8], rounds: int) -> Bits:
    """Run GrabCut (Rother et al., 2004) from seeds of `cv2.GC_*` values and return the foreground."""
    labels = seeds.copy()
    cv2.setRNGSeed(RANDOM_SEED)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(rgb, labels, (0, 0, 1, 1), background, foreground, rounds, cv2.GC_INIT_WITH_MASK)
    return np.asarray((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), np.bool_)
