"""Cut the garment out of its picture: by its alpha channel, or by how its colours differ from the corners'."""

from dataclasses import dataclass

import cv2
import numpy as np

from .arrays import Bits, Field, Mask, Rgb
from .raster import (
    blur,
    cluster,
    components,
    dilate,
    enlarge,
    erode,
    fill_holes,
    fit_within,
    grab_cut,
    guided,
    inner_distance,
    largest,
    ramp,
    spread,
    to_grey,
    to_lab,
)
from .refusal import no_garment

_CUT_SIZE = 320
"""Longest side in pixels of the raster on which the garment is told from the background."""
_LAB_WEIGHTS = np.array([0.6, 1.3, 1.3], np.float32)
"""Shadows change the lightness of a background far more than its colour."""
_LEAST_DISTANCE = 9.0
"""Lab distance that a garment must have from its background to stand out at all."""
_PLAIN_NOISE = 1.5
"""Lab distance within a background that was cleared to one colour: there, far smaller differences count."""
_LEAST_CONTRAST = 6.0
_AREA = (0.05, 0.93)
"""Share of the picture that a garment in full view covers."""
_SEE_THROUGH = 0.002
"""Holes below this share of the picture are noise and not the gap between a sleeve and the body."""
_TRANSPARENT = 0.05
"""Share of transparent pixels from which an alpha channel is taken for a cut-out."""


@dataclass(frozen=True, slots=True)
class _Backdrop:
    """How far each pixel's colour is from the background's, and from where on it counts as garment."""

    centres: Field
    away: Field
    threshold: float
    plain: bool


def cut_out(rgb: Rgb, alpha: Mask | None) -> Mask:
    """Return the garment's soft mask. Raises EngineError when nothing stands out of the background.

    `alpha` is the picture's alpha channel, 0 to 1, or None; one without transparent parts says nothing and is ignored.
    """
    if alpha is not None and np.count_nonzero(alpha < 0.5) > _TRANSPARENT * alpha.size:
        _check_area(float((alpha > 0.5).mean()))
        return alpha
    small = fit_within(rgb, _CUT_SIZE)
    backdrop = _backdrop(to_lab(small))
    rough = _rough_cut(small, backdrop)
    contrast = float(np.median(backdrop.away[rough])) if rough.any() else 0.0
    if contrast < _LEAST_CONTRAST:
        raise no_garment("Nothing in the garment's picture stands out from its background.", f"contrast {contrast:.1f}")
    _check_area(float(rough.mean()))
    return _outline(rgb, rough, backdrop, contrast)


def _check_area(area: float) -> None:
    least, most = _AREA
    if area < least:
        raise no_garment("The garment is too small in its picture.", f"area {area:.2f}")
    if area > most:
        raise no_garment("The garment is not in full view in its picture.", f"area {area:.2f}")


def _border(shape: tuple[int, int]) -> tuple[Bits, Bits]:
    """Return a thin frame along the picture's border, and its four corners: a garment may touch the border there
    where it is widest or cropped, but hardly ever the corners."""
    height, width = shape
    thin, corner = max(3, int(0.035 * min(shape))), max(6, int(0.12 * min(shape)))
    rows, columns = np.arange(height), np.arange(width)
    near_y, near_x = np.minimum(rows, height - 1 - rows)[:, None], np.minimum(columns, width - 1 - columns)[None]
    frame = (near_y < thin) | (near_x < thin)
    return frame, (near_y < corner) & (near_x < corner)


def _distance(lab: Field, centres: Field) -> Field:
    away = [np.linalg.norm((lab - centre) * _LAB_WEIGHTS, axis=2) for centre in centres]
    return np.asarray(np.min(away, axis=0), np.float32)


def _backdrop(lab: Field) -> _Backdrop:
    """Take the background's colours from the border, as far as the corners show them too."""
    frame, corners = _border((lab.shape[0], lab.shape[1]))
    labels, centres = cluster(lab[frame], 4)
    at_corner = np.bincount(labels[corners[frame]], minlength=4) / max(1, int(np.count_nonzero(corners & frame)))
    centres = centres[at_corner >= min(0.10, at_corner.max())]
    away = _distance(lab, centres)
    otsu, _ = cv2.threshold(np.clip(away, 0, 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    threshold = max(_LEAST_DISTANCE, 0.75 * float(otsu))
    noise = float(np.quantile(away[frame & corners], 0.7))
    plain = noise < _PLAIN_NOISE
    return _Backdrop(centres, away, min(threshold, 4 + 2 * noise) if plain else threshold, plain)


def _rough_cut(small: Rgb, backdrop: _Backdrop) -> Bits:
    """Run GrabCut from the colour distance, certain only of the middle and of the border."""
    height, width = small.shape[:2]
    away, threshold = backdrop.away, backdrop.threshold
    ys, xs = np.mgrid[:height, :width]
    across, along = xs / width - 0.5, ys / height - 0.5
    middle = (across / 0.30) ** 2 + (along / 0.36) ** 2 < 1
    core = (across / 0.10) ** 2 + (along / 0.14) ** 2 < 1
    frame, _ = _border((height, width))
    rim = np.minimum(np.minimum(ys, height - 1 - ys), np.minimum(xs, width - 1 - xs)) < 2
    seeds = np.where((away > threshold) | middle, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[core] = cv2.GC_FGD
    seeds[(rim & (away < 1.5 * threshold)) | (frame & (away < threshold))] = cv2.GC_BGD
    if backdrop.plain:
        seeds[_thick((away < threshold / 2) & ~core)] = cv2.GC_BGD
        seeds[away > 2 * threshold] = cv2.GC_FGD
    if not np.any(seeds == cv2.GC_BGD):
        raise no_garment("The garment is not in full view in its picture.", "no background at the border")
    cut = np.asarray(
        cv2.morphologyEx(grab_cut(small, seeds, 5).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3))), bool
    )
    return _close_holes(largest(cut), backdrop)


def _thick(background: Bits) -> Bits:
    """Return the parts of a plain background that are no white stripe of the garment: thick ones, and tall gaps."""
    raster = background.astype(np.uint8)
    wide = cv2.morphologyEx(raster, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    tall = cv2.morphologyEx(raster, cv2.MORPH_OPEN, np.ones((15, 2), np.uint8))
    return np.asarray(np.maximum(wide, tall), np.bool_)


def _close_holes(cut: Bits, backdrop: _Backdrop) -> Bits:
    """Fill what is print and keep what is a gap between sleeve and body: a gap shows the background's colours."""
    parts, stats = components(fill_holes(cut) & ~cut)
    closed = stats[:, cv2.CC_STAT_AREA] < _SEE_THROUGH * cut.size
    closed[0] = False
    for label in np.flatnonzero(~closed)[1:]:
        closed[label] = np.median(backdrop.away[parts == label]) > backdrop.threshold
    return cut | closed[parts]


def _outline(rgb: Rgb, rough: Bits, backdrop: _Backdrop, contrast: float) -> Mask:
    """Bring the rough cut to full size along the picture's edges, and clear slivers of background off it."""
    shape = (rgb.shape[0], rgb.shape[1])
    longest = max(shape)
    edge = guided(to_grey(rgb), enlarge(rough.astype(np.float32), shape), max(2, int(0.006 * longest)), 1e-4)
    mask = ramp(edge, 0.3, 0.8)
    if contrast > 25 and not backdrop.plain:
        near_edge = inner_distance(mask > 0.5) < 0.035 * longest
        own_colour = ramp(
            blur(_distance(to_lab(rgb), backdrop.centres), 1) / np.float32(backdrop.threshold), 0.32, 1.12
        )
        mask = np.where(near_edge, mask * own_colour, mask)
    return _without_fringe(rgb, mask, max(2, int(0.008 * longest)))


def _without_fringe(rgb: Rgb, mask: Mask, radius: int) -> Mask:
    """Drop edge pixels that look more like the background beside them than the cloth, and smooth the outline."""
    inside = mask > 0.5
    sure, outside = erode(inside, radius), ~dilate(inside, radius)
    colours = rgb.astype(np.float32)
    cloth, cloth_weight = spread(colours, sure.astype(np.float32), 3 * radius)
    ground, ground_weight = spread(colours, outside.astype(np.float32), 3 * radius)
    contrast = cloth - ground
    strength = (contrast * contrast).sum(axis=2)
    share = ((colours - ground) * contrast).sum(axis=2) / np.maximum(strength, 1)
    band = ~sure & ~outside & (strength > 30**2) & (cloth_weight > 1e-3) & (ground_weight > 1e-3)
    kept = np.where(band & (blur(share, 0.4 * radius) < 0.35), 0, mask)
    hard = cv2.medianBlur((kept > 0.5).astype(np.uint8) * 255, 2 * (radius // 2) + 3)
    return ramp(blur(hard.astype(np.float32) / np.float32(255), max(1.2, 0.45 * radius)), 0.42, 0.76)
