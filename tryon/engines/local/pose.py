"""Body landmarks and a rough body mask: BlazePose (Bazarevsky et al., 2020) and MediaPipe's selfie segmentation.

The landmark model wants a square crop around one upright person. The first crop is guessed from the face, and each
answer says where the next crop had better be: two extra points span the circle around the body.
"""

from dataclasses import dataclass
from math import atan2, cos, sin
from typing import Final

import cv2
import numpy as np

from . import models
from .arrays import Field, Mask, Point, Points, Rgb
from .raster import enlarge

NOSE: Final = 0
EYES: Final = (2, 5)
EARS: Final = (7, 8)
MOUTH: Final = (9, 10)
FACE: Final = (0, 1, 2, 3, 4, 5, 6, 9, 10)
SHOULDERS: Final = (11, 12)
HIPS: Final = (23, 24)
LANDMARKS: Final = 33

_INPUT = 256
_SCORE_TO_FOLLOW = 0.2
"""Below this the model saw nobody in the crop, and its idea of the next crop means nothing."""
_ROUNDS = 3
_BODY_PER_FACE = 8.5
"""Side of the first crop in face widths. Tighter crops make the model push the hips of a portrait up into view."""
_BODY_BELOW_FACE = 2.3
_CROP_PER_CIRCLE = 1.25
"""MediaPipe's own margin around the circle that the two extra points span."""


@dataclass(frozen=True, slots=True)
class Pose:
    """The 33 BlazePose landmarks: where they are (pixels), and how likely each is to be seen (0 to 1).

    The left and the right of the model are the person's own. `mask` is the body's, of the picture's size.
    """

    points: Points
    visibility: Points
    score: float
    mask: Mask


@dataclass(frozen=True, slots=True)
class _Crop:
    centre: Point
    side: float
    angle: float = 0.0


@dataclass(frozen=True, slots=True)
class _Reading:
    points: Points
    visibility: Points
    score: float
    segmentation: Field
    to_crop: Points


def square_crop(centre: Point, side: float, angle: float, size: int) -> Points:
    """Return the 2 by 3 matrix that takes a square of the picture, turned by `angle`, to a raster of `size` pixels."""
    scale = size / side
    turn = scale * np.array([[cos(-angle), -sin(-angle)], [sin(-angle), cos(-angle)]])
    shift = np.array([size / 2, size / 2]) - turn @ centre
    return np.column_stack([turn, shift])


def find_pose(rgb: Rgb, face_centre: Point, face_width: float) -> Pose:
    """Return the pose of the person with that face; sizes and places are pixels."""
    height, width = rgb.shape[:2]
    below = np.array([0.0, _BODY_BELOW_FACE * face_width])
    reading = _follow(rgb, _Crop(face_centre + below, _BODY_PER_FACE * face_width))
    body = cv2.warpAffine(
        models.sigmoid(reading.segmentation), cv2.invertAffineTransform(reading.to_crop), (width, height)
    )
    mask = 0.5 * body + 0.5 * _selfie_mask(rgb)
    return Pose(reading.points[:LANDMARKS], reading.visibility[:LANDMARKS], reading.score, mask.astype(np.float32))


def _follow(rgb: Rgb, crop: _Crop) -> _Reading:
    reading = _read(rgb, crop)
    for _ in range(_ROUNDS - 1):
        if reading.score < _SCORE_TO_FOLLOW:
            break
        reading = _read(rgb, _next_crop(reading.points))
    return reading


def _next_crop(points: Points) -> _Crop:
    centre = points[LANDMARKS]
    reach = points[LANDMARKS + 1] - centre
    return _Crop(centre, 2 * float(np.hypot(*reach)) * _CROP_PER_CIRCLE, atan2(reach[0], -reach[1]))


def _read(rgb: Rgb, crop: _Crop) -> _Reading:
    to_crop = square_crop(crop.centre, crop.side, crop.angle, _INPUT)
    method = cv2.INTER_AREA if crop.side > 2 * _INPUT else cv2.INTER_LINEAR
    pixels = cv2.warpAffine(rgb, to_crop, (_INPUT, _INPUT), flags=method).astype(np.float32) / np.float32(255)
    outputs = models.run("pose_landmark_full", pixels, ("Identity", "Identity_1", "Identity_2"))
    landmarks, score, segmentation = outputs
    landmarks = landmarks.reshape(-1, 5)
    back = cv2.invertAffineTransform(to_crop).astype(np.float64)
    points = landmarks[:, :2] @ back[:, :2].T + back[:, 2]
    visibility = models.sigmoid(landmarks[:, 3]).astype(np.float64)
    return _Reading(points, visibility, float(score.ravel()[0]), segmentation.reshape(_INPUT, _INPUT), to_crop)


def _selfie_mask(rgb: Rgb) -> Mask:
    height, width = rgb.shape[:2]
    pixels = cv2.resize(rgb, (_INPUT, _INPUT), interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    (mask,) = models.run("selfie_segmentation", pixels, ("activation_10",))
    return enlarge(mask.reshape(_INPUT, _INPUT), (height, width))
