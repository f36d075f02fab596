"""Faces: BlazeFace, short range (Bazarevsky et al., 2019), on square crops of the picture."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from . import models
from .arrays import Point, Points, Rgb
from .geometry import distance
from .pose import square_crop

_INPUT = 128
_GRIDS = ((16, 2), (8, 6))
"""The model's anchors: a 16 by 16 grid with two at each place, then an 8 by 8 grid with six."""
_SAME_FACE = 0.6
"""Two finds closer than this share of their width are the same face."""
_VIEW_PER_FACE = 4.0
"""Side of the sliding view, in faces: BlazeFace is surest about faces of a quarter of its input."""
_VIEWS = (1.0, 0.6, 0.35)
"""Sides of the views that are searched for a first face, in picture sides: from close portraits to full-length."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face: centre of its box, width of the box in pixels, the two eyes (image left first), mouth, score 0 to 1."""

    centre: Point
    width: float
    eyes: Points
    mouth: Point
    score: float

    @property
    def upright(self) -> bool:
        """Whether the eyes are level, to 40°, and above the mouth."""
        across = self.eyes[1] - self.eyes[0]
        down = self.mouth - self.eyes.mean(axis=0)
        return bool(across[0] > abs(across[1]) * 1.2 and down[1] > abs(down[0]) * 1.2)


def faces_in_square(rgb: Rgb, centre: Point, side: float, least: float) -> list[Face]:
    """Return the faces with a score of at least `least` in a square of the picture, the surest first."""
    to_crop = square_crop(centre, side, 0.0, _INPUT)
    pixels = cv2.warpAffine(rgb, to_crop, (_INPUT, _INPUT), flags=cv2.INTER_LINEAR).astype(np.float32)
    boxes, logits = models.run(
        "face_detection_short_range", pixels / np.float32(127.5) - 1, ("regressors", "classificators")
    )
    scores = models.sigmoid(logits.ravel())
    scale = side / _INPUT
    corner = centre - side / 2
    found = []
    for index in np.argsort(-scores, kind="stable"):
        if scores[index] < least:
            break
        values = boxes.reshape(-1, 8, 2)[index].astype(np.float64)
        places = (values + _anchors()[index] * _INPUT) * scale + corner
        eyes = np.stack([places[2], places[3]])
        found.append(Face(places[0], float(values[1, 0] * scale), eyes, places[5], float(scores[index])))
    return distinct(found)


def find_faces(rgb: Rgb, least: float) -> list[Face]:
    """Return the faces anywhere in the picture, from the largest that can be found down to half its width."""
    longest = max(rgb.shape[:2])
    for share in _VIEWS:
        main = _faces_in_views(rgb, share * longest, least)
        if main:
            width = max(face.width for face in main)
            found = main + _faces_in_views(rgb, width * _VIEW_PER_FACE, least)
            return [face for face in distinct(found) if face.width > width / 2]
    return []


def _faces_in_views(rgb: Rgb, side: float, least: float) -> list[Face]:
    """Slide a square view over the picture by half its side."""
    height, width = rgb.shape[:2]
    found = [
        face
        for y in _view_centres(height, side)
        for x in _view_centres(width, side)
        for face in faces_in_square(rgb, np.array([x, y]), side, least)
    ]
    return distinct(found)


def _view_centres(length: int, side: float) -> Points:
    count = max(1, round(2 * length / side) - 1)
    return (np.arange(count) + 1) * length / (count + 1)


def distinct(faces: list[Face]) -> list[Face]:
    """Return the faces, the surest first, without those that lie on a surer one."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(distance(face.centre, other.centre) > _SAME_FACE * max(face.width, other.width) for other in kept):
            kept.append(face)
    return kept


@cache
def _anchors() -> Points:
    centres = [
        ((x + 0.5) / cells, (y + 0.5) / cells)
        for cells, each in _GRIDS
        for y in range(cells)
        for x in range(cells)
        for _ in range(each)
    ]
    return np.array(centres)[:, None, :]
