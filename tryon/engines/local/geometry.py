"""Plane geometry on points and polylines: lengths, resampling, distances, marching inside a mask."""

from itertools import pairwise

import numpy as np

from .arrays import Bits, Field, Point, Points

_TINY = 1e-6
_MARCH_GAP = 2
"""Pixels outside the mask that a march steps over: single-pixel holes are noise, not an edge."""


def unit(vector: Point) -> Point:
    """Return the vector scaled to length 1."""
    return np.asarray(vector / (np.hypot(vector[0], vector[1]) + _TINY))


def distance(a: Point, b: Point) -> float:
    """Return the distance between two points, in pixels."""
    return float(np.hypot(a[0] - b[0], a[1] - b[1]))


def arc_lengths(line: Points) -> Points:
    """Return the length along the polyline from its start to each of its points; the first is 0."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    return np.concatenate([[0.0], np.cumsum(steps)])


def along(line: Points, lengths: Points) -> Points:
    """Return the points of the polyline at the given lengths from its start."""
    arcs = arc_lengths(line)
    return np.stack([np.interp(lengths, arcs, line[:, 0]), np.interp(lengths, arcs, line[:, 1])], axis=-1)


def resample(line: Points, count: int) -> Points:
    """Return `count` points spaced evenly along the polyline, both ends included."""
    return along(line, np.linspace(0.0, arc_lengths(line)[-1], count))


def smooth(values: Points, passes: int = 1) -> Points:
    """Return the sequence smoothed by (1 2 1)/4 along its first axis, its two ends kept."""
    result = values.astype(np.float64)
    for _ in range(passes):
        inner = (result[:-2] + 2 * result[1:-1] + result[2:]) / 4
        result = np.concatenate([result[:1], inner, result[-1:]])
    return result


def distance_to_line(line: Points, shape: tuple[int, int]) -> tuple[Field, Field]:
    """Return, per pixel of a raster, the distance to the polyline and the arc length of its nearest point."""
    ys, xs = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    nearest = np.full(shape, np.inf, np.float32)
    arc = np.zeros(shape, np.float32)
    start_arc = 0.0
    for start, end in pairwise(line):
        dx, dy = (end - start).astype(np.float32)
        length = float(np.hypot(dx, dy)) + _TINY
        t = np.clip(((xs - start[0]) * dx + (ys - start[1]) * dy) / length**2, 0, 1)
        away = np.hypot(xs - start[0] - t * dx, ys - start[1] - t * dy).astype(np.float32)
        closer = away < nearest
        nearest[closer] = away[closer]
        arc[closer] = (start_arc + t * length)[closer]
        start_arc += length
    return nearest, arc


def march(mask: Bits, start: Point, direction: Point, limit: float) -> float:
    """Return how far, in pixels up to `limit`, one can walk from `start` without leaving the mask."""
    steps = np.arange(0.0, limit)
    xs = np.clip((start[0] + direction[0] * steps).astype(int), 0, mask.shape[1] - 1)
    ys = np.clip((start[1] + direction[1] * steps).astype(int), 0, mask.shape[0] - 1)
    last, gap = 0.0, 0
    for step, inside in zip(steps, mask[ys, xs], strict=True):
        gap = 0 if inside else gap + 1
        if gap > _MARCH_GAP:
            break
        last = float(step) if inside else last
    return last
