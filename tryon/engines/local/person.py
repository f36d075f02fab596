"""Find the one person who faces the camera: the pose, the torso's own axes, and the outline."""

from dataclasses import dataclass

import cv2
import numpy as np

from . import pose
from .arrays import Field, Mask, Point, Points, Rgb
from .faces import Face, find_faces
from .geometry import distance, unit
from .pose import Pose, find_pose
from .raster import enlarge, fit_within, grab_cut, guided, largest, ramp, to_grey
from .refusal import no_person
from .sides import Side

_FACE_SCORE = 0.8
"""BlazeFace gives upside-down faces and knees up to 0.75, faces in photos of people 0.85 and more."""
_POSE_SCORE = 0.5
_EYES_APART = 0.35
"""How far, in face widths, the landmark model may see the eyes from where BlazeFace does: they agree to 0.15 in
photos of people; in face-only crops and rotated photos, where the body is invented, they disagree by far more."""
_SPAN_PER_FACE = (1.35, 5.0)
"""Shoulder span over face width: 1.7 to 2.5 in photos of people, below 1 where the shoulders are invented."""
_SPAN_PER_TORSO = 0.62
"""Shoulder span over torso length of an adult facing us; the span of somebody who turns away is less."""
_LEAST_TURN = 0.5
_LEAST_UPRIGHT = 0.75
"""Cosine of the torso's lean that still counts as upright."""
_LEAST_TORSO_IN_VIEW = 0.35

_LEAST_VISIBILITY = 0.5
_FOREARM = 1.1
"""Length of a forearm, to the wrist, in upper arms."""

_CUT_SIZE = 400
"""Longest side in pixels at which GrabCut runs: the guided filter brings the edge back to the full size."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The torso's axes: the origin between the shoulders, unit vectors, and the shoulder span (pixels) as the unit."""

    origin: Point
    right: Point
    down: Point
    span: float
    torso: float
    """Length from the shoulders to the hips, in spans."""

    def at(self, right: float, down: float) -> Point:
        """Return the picture position of a place in torso coordinates (spans)."""
        return self.origin + (self.right * right + self.down * down) * self.span

    def place(self, point: Point) -> tuple[float, float]:
        """Return the torso coordinates (right, down) of a picture position."""
        away = (point - self.origin) / self.span
        return float(away @ self.right), float(away @ self.down)

    def fields(self, shape: tuple[int, int]) -> tuple[Field, Field]:
        """Return the torso coordinates (right, down) of every pixel."""
        ys, xs = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
        dx, dy = (xs - self.origin[0]) / self.span, (ys - self.origin[1]) / self.span
        right = (dx * self.right[0] + dy * self.right[1]).astype(np.float32)
        down = (dx * self.down[0] + dy * self.down[1]).astype(np.float32)
        return right, down

    def scaled(self, scale: float) -> "Frame":
        """Return the frame for the picture at another size."""
        return Frame(self.origin * scale, self.right, self.down, self.span * scale, self.torso)


@dataclass(frozen=True, slots=True)
class Person:
    """One person facing the camera. Positions are pixels of the picture the person was found in."""

    face: Face
    pose: Pose
    frame: Frame
    mask: Mask

    def arm(self, side: Side) -> Points:
        """Return shoulder, elbow and wrist of the arm on that side of the picture; an unseen forearm is straight."""
        first = 12 if side == "left" else 11
        joint, elbow, wrist = self.pose.points[[first, first + 2, first + 4]]
        if not self.hand_is_seen(side):
            wrist = elbow + _FOREARM * (elbow - joint)
        return np.stack([joint, elbow, wrist])

    def hand(self, side: Side) -> Points:
        """Return the wrist, little finger, index finger and thumb on that side of the picture."""
        first = 16 if side == "left" else 15
        return self.pose.points[[first, first + 2, first + 4, first + 6]]

    def hand_is_seen(self, side: Side) -> bool:
        """Tell whether the wrist on that side of the picture is likely to be in view."""
        return bool(self.pose.visibility[16 if side == "left" else 15] > _LEAST_VISIBILITY)


def find_person(rgb: Rgb) -> Person:
    """Return the person in the photo. Raises EngineError unless there is just one, upright and facing us."""
    face = _only_face(find_faces(rgb, _FACE_SCORE))
    found = find_pose(rgb, face.centre, face.width)
    _check_head(found, face)
    frame = _torso_frame(found)
    _check_shoulders(frame, face, found, rgb.shape[:2])
    return Person(face, found, frame, _outline(rgb, found.mask))


def _only_face(faces: list[Face]) -> Face:
    if not faces:
        raise no_person("No face is to be seen in the person's photo.")
    if len(faces) > 1:
        raise no_person("There is more than one person in the photo; it must show one person.", f"{len(faces)} faces")
    if not faces[0].upright:
        raise no_person("The person's photo is not upright.")
    return faces[0]


def _check_head(found: Pose, face: Face) -> None:
    if found.score < _POSE_SCORE:
        raise no_person("No body is to be seen in the person's photo.", f"pose {found.score:.2f}")
    eyes = found.points[list(pose.EYES[::-1])]
    apart = float(np.mean([distance(a, b) for a, b in zip(eyes, face.eyes, strict=True)])) / face.width
    if apart > _EYES_APART:
        raise no_person("The body does not fit the face in the person's photo.", f"eyes {apart:.2f} apart")


def _torso_frame(found: Pose) -> Frame:
    """Return the torso's axes; somebody who turns keeps the span that the torso's length asks for."""
    left, right = found.points[pose.SHOULDERS[1]], found.points[pose.SHOULDERS[0]]
    if right[0] <= left[0]:
        raise no_person("The person in the photo has their back turned.")
    shoulders = (left + right) / 2
    hips = found.points[list(pose.HIPS)].mean(axis=0)
    torso = distance(shoulders, hips)
    seen_span = distance(left, right)
    span = max(seen_span, _SPAN_PER_TORSO * torso, 1.0)
    if seen_span / span < _LEAST_TURN:
        raise no_person("The person in the photo is turned away.", f"span {seen_span / span:.2f}")
    down = unit(hips - shoulders)
    if down[1] < _LEAST_UPRIGHT:
        raise no_person("The person in the photo is not upright.", f"down {down[1]:.2f}")
    # Where hips or shoulders are covered the model guesses them: the mean of both directions errs least.
    axis = unit(unit(right - left) + np.array([down[1], -down[0]]))
    return Frame(shoulders, axis, np.array([-axis[1], axis[0]]), span, torso / span)


def _check_shoulders(frame: Frame, face: Face, found: Pose, shape: tuple[int, ...]) -> None:
    per_face = frame.span / face.width
    least, most = _SPAN_PER_FACE
    left, right = found.points[pose.SHOULDERS[1]], found.points[pose.SHOULDERS[0]]
    below_face = face.centre[1] < min(left[1], right[1])
    if not (least < per_face < most and below_face):
        raise no_person("The shoulders are not in view in the person's photo.", f"span {per_face:.2f} faces")
    margin = 0.1 * frame.span
    if left[0] < -margin or right[0] > shape[1] + margin:
        raise no_person("The shoulders are not in view in the person's photo.", "shoulders beside the picture")
    in_view = (shape[0] - frame.origin[1]) / (frame.torso * frame.span)
    if in_view < _LEAST_TORSO_IN_VIEW:
        raise no_person("The upper body is not in view in the person's photo.", f"torso {in_view:.2f}")


def _outline(rgb: Rgb, rough: Mask) -> Mask:
    """Sharpen the networks' rough mask with the picture's own colours and edges."""
    small = fit_within(rgb, _CUT_SIZE)
    likely = enlarge(rough, (small.shape[0], small.shape[1]))
    seeds = np.where(likely > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[likely > 0.93] = cv2.GC_FGD
    seeds[likely < 0.07] = cv2.GC_BGD
    if np.count_nonzero(seeds == cv2.GC_FGD) < 200 or not np.any(seeds == cv2.GC_BGD):
        raise no_person("The person does not stand out from the background of the photo.")
    body = largest(grab_cut(small, seeds, 3), 0.3)
    height, width = rgb.shape[:2]
    edge = guided(
        to_grey(rgb), enlarge(body.astype(np.float32), (height, width)), max(2, max(height, width) // 200), 1e-4
    )
    return ramp(edge, 0.2, 0.8)
