"""The key points of a garment that lies flat (or is worn) upright: an `Outline` in the pixels of its picture."""

from dataclasses import dataclass, replace

import numpy as np

from .arrays import Bits, Mask, Point, Points, Rgb
from .geometry import distance, resample
from .neckline import Neckline, find_neckline
from .outline import FLANK_POINTS, SHOULDER_POINTS, SLEEVE_POINTS, Half, Outline, Sleeve
from .raster import largest, outer_contours
from .refusal import no_garment
from .sides import SIDES, Side, other, sign
from .silhouette import Armpits, Silhouette, find_armpits, trace

_COLLAR = (0.13, 0.30)
"""Distance of the collar points from the middle line, in chest widths."""
_COLLAR_PLATEAU = 0.018
"""How far below the highest point, in garment heights, the collar still is."""
_TIP_INSET = 0.03
"""The seam of a sleeve leans inwards from the armpit by this share of the chest."""
_SLEEVELESS_TIP = 0.13
_LEAST_SLEEVE = 0.004
_FOLDED = 0.62
"""A sleeve shorter than this share of the other is folded away: the other one, mirrored, takes its place."""
_HEM_WIDTH = 0.75


@dataclass(frozen=True, slots=True)
class Garment:
    """A garment's outline, its neckline, its silhouette, and its measures in pixels.

    `mirrored` sleeves take their cloth from the opposite side. `attached` sleeves lie on the body without a gap.
    """

    outline: Outline
    neckline: Neckline
    silhouette: Silhouette
    chest: float
    hem: float
    mirrored: frozenset[Side]
    attached: bool

    @property
    def length(self) -> float:
        """From the highest point to the hem."""
        return self.hem - self.silhouette.top


def measure(rgb: Rgb, mask: Mask, *, worn: bool) -> Garment:
    """Return the key points of the garment. Raises EngineError when it has not the shape of a top.

    `worn` says that somebody wears it in the picture: then the mask already ends at the neckline.
    """
    shape = trace(mask)
    armpits = find_armpits(shape)
    if not armpits.chest > 0.1 * shape.height:
        raise no_garment("No top is to be seen in the garment's picture.", f"chest {armpits.chest:.0f}")
    collar = _collar(shape, armpits.chest)
    neckline = find_neckline(rgb, shape, collar, armpits.chest)
    if worn:
        neckline = replace(neckline, drawn=False)
    collar = float(np.clip(neckline.half_width, _COLLAR[0] * armpits.chest, _COLLAR[1] * armpits.chest))
    hem = _hem(shape)
    flanks = {side: _flank(shape, armpits, side, hem) for side in SIDES}
    shoulders = {side: _shoulder(shape, armpits, side, collar) for side in SIDES}
    parts = {side: _sleeve_part(shape, side, shoulders[side][-1], flanks[side]) for side in SIDES}
    sleeves: dict[Side, Sleeve | None] = {"left": None, "right": None}
    if armpits.sleeved:
        sleeves = {side: _sleeve(parts[side], shoulders[side][-1], flanks[side][0], shape) for side in SIDES}
    sleeves, mirrored = _mirror_folded(sleeves)
    left, right = (Half(shoulders[side], flanks[side], sleeves[side]) for side in SIDES)
    outline = Outline(left, right, _neck_points(neckline, shoulders["left"][0], shoulders["right"][0]))
    return Garment(outline, neckline, shape, armpits.chest, hem, mirrored, armpits.attached)


def _collar(shape: Silhouette, chest: float) -> float:
    """Return how far the collar points are from the middle line: the ends of the highest plateau around it."""
    offsets = []
    for side in SIDES:
        end = np.clip(shape.middle + sign(side) * 0.42 * chest, 1, len(shape.upper) - 2)
        columns = np.arange(int(shape.middle), int(end), sign(side))
        heights = shape.upper[columns]
        if np.isnan(heights).all():
            continue
        plateau = np.flatnonzero(heights <= np.nanmin(heights) + _COLLAR_PLATEAU * shape.height)
        offset = abs(float(columns[plateau[-1]]) - shape.middle)
        offsets.append(offset if offset <= _COLLAR[1] * chest else 0.2 * chest)
    return float(np.clip(np.mean(offsets or [0.2 * chest]), _COLLAR[0] * chest, _COLLAR[1] * chest))


def _hem(shape: Silhouette) -> float:
    """Return the lowest row where the body still has most of its width."""
    widths = shape.right - shape.left
    rows = np.flatnonzero(widths > _HEM_WIDTH * shape.lower_width)
    return float(rows[-1]) if len(rows) else float(shape.bottom)


def _shoulder(shape: Silhouette, armpits: Armpits, side: Side, collar: float) -> Points:
    start = shape.middle + sign(side) * collar
    if armpits.sleeved:
        end = armpits.on(side)[0] - sign(side) * _TIP_INSET * armpits.chest
    else:
        end = _sleeveless_tip(shape, armpits, side, start)
    columns = np.linspace(start, end, SHOULDER_POINTS)
    return np.stack([shape.upper_at(x) for x in columns])


def _sleeveless_tip(shape: Silhouette, armpits: Armpits, side: Side, start: float) -> float:
    """Return the x where the shoulder of a top without sleeves drops into the armhole."""
    columns = np.arange(int(start), int(armpits.on(side)[0]), sign(side))
    if not len(columns):
        return float(armpits.on(side)[0])
    level = shape.upper_at(start)[1] + _SLEEVELESS_TIP * shape.height
    on_shoulder = columns[shape.upper[columns] < level]
    return float(on_shoulder[-1] if len(on_shoulder) else columns[-1])


def _flank(shape: Silhouette, armpits: Armpits, side: Side, hem: float) -> Points:
    """Return the side line from the armpit to the hem, not following a sleeve that hangs against it."""
    armpit, edge, outwards = armpits.on(side), shape.edge(side), sign(side)
    rows = np.linspace(armpit[1], max(hem - 1, armpit[1] + 2), FLANK_POINTS)
    xs = edge[np.clip(rows.astype(int), 0, len(edge) - 1)]
    xs = np.where(np.isnan(xs), armpit[0], xs)
    xs[0] = armpit[0]
    if armpits.attached:
        xs[:] = armpit[0]
    straight = 2 * xs[-2] - xs[-3]
    xs[-1] = outwards * max(outwards * xs[-1], outwards * straight - 0.01 * armpits.chest)
    if armpits.sleeved:
        line = np.interp(rows, [rows[0], rows[-1]], [xs[0], xs[-1]])
        on_sleeve = (xs - line) * outwards > 0.12 * armpits.chest
        xs[on_sleeve] = line[on_sleeve]
    return np.stack([xs, rows], axis=-1)


def _neck_points(neckline: Neckline, left: Point, right: Point) -> Points:
    """Return the neckline's curve, its ends on the collar points."""
    curve = neckline.curve()
    curve[:, 0] = np.interp(curve[:, 0], [curve[0, 0], curve[-1, 0]], [left[0], right[0]])
    curve[0], curve[-1] = left, right
    return curve


def _sleeve_part(shape: Silhouette, side: Side, tip: Point, flank: Points) -> Bits:
    """Return the part of the mask beyond the armhole, and beyond the flank below it."""
    height, width = shape.mask.shape
    ys, xs = np.arange(height)[:, None], np.arange(width)[None]
    rows = np.concatenate([[tip], flank])
    limit = np.interp(np.arange(height), rows[:, 1], rows[:, 0])[:, None]
    beyond = shape.mask & ((xs - limit) * sign(side) > 1) & (ys > min(tip[1] - 0.2 * shape.height, flank[0, 1]))
    return largest(beyond) if beyond.any() else beyond


def _sleeve(part: Bits, tip: Point, armpit: Point, shape: Silhouette) -> Sleeve | None:
    """Return the sleeve's edges: the part's outline on both ways from the armhole to the corners of the cuff."""
    if np.count_nonzero(part) < _LEAST_SLEEVE * np.count_nonzero(shape.mask):
        return None
    contour = max(outer_contours(part), key=len).astype(np.float64)
    contour = np.roll(contour, -_nearest(contour, tip), axis=0)
    turn = _nearest(contour, armpit)
    ways = [contour[: turn + 1], np.concatenate([contour[turn:], contour[:1]])[::-1]]
    base = (tip + armpit) / 2
    edge = max(ways, key=lambda way: float(np.hypot(*(way - base).T).max()))
    if len(edge) < 8:
        return None
    outer_end, inner_end = _cuff(edge, base, tip - armpit)
    outer = np.concatenate([tip[None], edge[1 : outer_end + 1]])
    inner = np.concatenate([armpit[None], edge[inner_end:-1][::-1]])
    return Sleeve(resample(outer, SLEEVE_POINTS), resample(inner, SLEEVE_POINTS))


def _nearest(line: Points, point: Point) -> int:
    return int(np.hypot(*(line - point).T).argmin())


def _cuff(edge: Points, base: Point, upwards: Point) -> tuple[int, int]:
    """Return the indices of the cuff's two corners on the edge that leads from the tip around to the armpit."""
    away = edge - base
    reach = np.hypot(*away.T)
    far = away[reach > np.quantile(reach, 0.94)].mean(axis=0)
    axis = far / (np.hypot(*far) + 1e-6)
    normal = np.array([-axis[1], axis[0]])
    if normal @ upwards < 0:
        normal = -normal
    along, across = away @ axis, away @ normal
    reachable = along > 0.6 * along.max()
    outer = int(np.where(reachable, along + 0.8 * across, -np.inf).argmax())
    inner = int(np.where(reachable, along - 0.8 * across, -np.inf).argmax())
    return max(1, min(outer, inner - 1)), min(len(edge) - 2, max(inner, outer + 1))


def _mirror_folded(sleeves: dict[Side, Sleeve | None]) -> tuple[dict[Side, Sleeve | None], frozenset[Side]]:
    """Replace a sleeve that is folded away by the opposite one."""
    lengths = {side: _length(sleeve) for side, sleeve in sleeves.items()}
    folded = frozenset(side for side in SIDES if lengths[side] < _FOLDED * lengths[other(side)])
    return {side: sleeves[other(side) if side in folded else side] for side in SIDES}, folded


def _length(sleeve: Sleeve | None) -> float:
    if sleeve is None:
        return 0.0
    return distance((sleeve.outer[0] + sleeve.inner[0]) / 2, (sleeve.outer[-1] + sleeve.inner[-1]) / 2)
