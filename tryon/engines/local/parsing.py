"""What each pixel of the person's photo shows: background, skin, hair, top or bottom.

Colour models, seeded where the pose says what must be there, compete with priors of place; the costs are smoothed
along the picture's edges before the cheapest class wins (Hosni et al., "Fast Cost-Volume Filtering", 2013).
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from . import pose
from .arrays import Bits, Field, Mask, Points, Rgb
from .geometry import distance, distance_to_line, unit
from .person import Frame, Person
from .raster import (
    cluster,
    components,
    dilate,
    enlarge,
    fit_within,
    guided,
    polygon,
    ramp,
    to_grey,
    to_lab,
)
from .sides import SIDES

BACKGROUND: Final = 0
SKIN: Final = 1
HAIR: Final = 2
TOP: Final = 3
BOTTOM: Final = 4
CLASSES: Final = (BACKGROUND, SKIN, HAIR, TOP, BOTTOM)

_SIZE = 360
"""Longest side in pixels at which the classes compete; the guided filter brings their edges back to full size."""
_MOST_COST = np.float32(22)
_NEVER = np.float32(40)
_LEAST_SEEDS = 12
_CLUSTERS = {BACKGROUND: 4, SKIN: 2, HAIR: 2, TOP: 4, BOTTOM: 3}
_LAB_NOISE = np.array([60, 12, 12], np.float32)
"""Variance added to each colour cluster: light varies over one cloth far more than its colour."""
_SAME_SKIN = 16.0
"""Arms whose colour (Lab a, b) is further than this from the neck's are gloves."""
_ONE_PIECE = 14.0
_SPECK = 0.02
"""Parts smaller than this share of their class are noise."""


@dataclass(frozen=True, slots=True)
class Parsing:
    """Soft masks of the five classes, (5, height, width), and the usual Lab colours (8-bit scale) of some parts."""

    masks: Field
    neck_tone: Points
    arm_tone: Points
    top_tone: Points
    bottom_tone: Points

    @property
    def one_piece(self) -> bool:
        """Whether top and bottom are of the same colour, as one cloth: a dress, or an overall."""
        apart = (self.top_tone - self.bottom_tone) * [0.3, 1, 1]
        return bool(np.linalg.norm(apart) < _ONE_PIECE)

    def __getitem__(self, label: int) -> Mask:
        return np.asarray(self.masks[label], np.float32)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where each pixel lies on the person, in shoulder spans: from the torso, the face, the arms, the hands."""

    person: Bits
    right: Field
    down: Field
    hip: float
    face_across: Field
    face_up: Field
    head: Field
    head_radius: float
    arm: Field
    arm_arc: Field
    hand: Field
    face_hull: Bits


def parse(rgb: Rgb, person: Person) -> Parsing:
    """Return the classes of the photo in which the person was found."""
    small = fit_within(rgb, _SIZE)
    layout = _lay_out(person, small.shape[0] / rgb.shape[0], (small.shape[0], small.shape[1]))
    lab = to_lab(small)
    seeds = _seeds(layout)
    costs = _priors(layout)
    for label in CLASSES:
        costs[label] += _colour_cost(lab, seeds[label], _CLUSTERS[label])
    if np.count_nonzero(seeds[BOTTOM]) < 30:
        costs[BOTTOM] += 5
    grey = to_grey(small)
    smoothed = np.stack([guided(grey, cost, 4, 3e-3) for cost in costs])
    labels = _clean(smoothed, layout)
    neck_tone, arm_tone = _skin_tones(lab, labels, layout, seeds[SKIN])
    top_tone, bottom_tone = (_tone(lab, labels == label) for label in (TOP, BOTTOM))
    return Parsing(_at_full_size(labels, rgb), neck_tone, arm_tone, top_tone, bottom_tone)


def _lay_out(person: Person, scale: float, shape: tuple[int, int]) -> _Layout:
    frame = person.frame.scaled(scale)
    right, down = frame.fields(shape)
    points = person.pose.points * scale
    centre = points[[pose.NOSE, *pose.EYES, *pose.MOUTH]].mean(axis=0)
    eyes, mouth = points[list(pose.EYES)].mean(axis=0), points[list(pose.MOUTH)].mean(axis=0)
    radius = max(1.75 * distance(eyes, mouth), 0.26 * frame.span)
    up = unit(eyes - mouth)
    head_frame = Frame(centre, np.array([-up[1], up[0]]), up, radius, 1.0)
    face_across, face_up = head_frame.fields(shape)
    arms = [distance_to_line(person.arm(side) * scale, shape) for side in SIDES]
    nearer = arms[0][0] < arms[1][0]
    hands = [_distance_to_points(person.hand(side) * scale, shape) for side in SIDES]
    hull = cv2.convexHull(points[list(pose.FACE)].astype(np.float32))[:, 0].astype(np.float64)
    return _Layout(
        person=enlarge(person.mask, shape) > 0.5,
        right=right,
        down=down,
        hip=max(frame.torso, 1.2),
        face_across=face_across / np.float32(0.78),
        face_up=face_up,
        head=np.hypot(face_across, face_up).astype(np.float32),
        head_radius=radius / frame.span,
        arm=np.where(nearer, arms[0][0], arms[1][0]) / np.float32(frame.span),
        arm_arc=np.where(nearer, arms[0][1], arms[1][1]) / np.float32(frame.span),
        hand=np.minimum(*hands) / np.float32(frame.span),
        face_hull=polygon(hull, shape) > 0.5,
    )


def _distance_to_points(points: Points, shape: tuple[int, int]) -> Field:
    ys, xs = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.asarray(np.min([np.hypot(xs - x, ys - y) for x, y in points], axis=0), np.float32)


def _seeds(at: _Layout) -> list[Bits]:
    """Return, per class, the pixels that the pose alone is sure about."""
    beside = np.abs(at.right)
    above_face = (at.face_up > 1.02) & (at.face_up < 2.2) & (np.abs(at.face_across) < 1.3)
    off_hands = at.hand > 0.3
    chest = (beside < 0.30) & (at.down > 0.22 * at.hip) & (at.down < 0.62 * at.hip) & (at.arm > 0.12)
    lap = (beside < 0.38) & (at.down > 1.08 * at.hip) & (at.down < 1.7 * at.hip)
    return [
        ~at.person & dilate(at.person, 4),
        at.person & at.face_hull,
        at.person & above_face & (at.down < -0.3),
        at.person & chest & off_hands,
        at.person & lap & off_hands,
    ]


def _colour_cost(lab: Field, seeds: Bits, clusters: int) -> Field:
    """Return the negative log-likelihood of each pixel's colour under a mixture fitted to the seeds."""
    pixels = lab[seeds]
    if len(pixels) < _LEAST_SEEDS:
        return np.full(lab.shape[:2], 9, np.float32)
    labels, centres = cluster(pixels, max(1, min(clusters, len(pixels) // _LEAST_SEEDS)))
    costs = []
    for index, centre in enumerate(centres):
        members = pixels[labels == index]
        if not len(members):
            continue
        variance = members.var(axis=0) + _LAB_NOISE
        spread = ((lab - centre) ** 2 / variance).sum(axis=2)
        costs.append(0.5 * spread + 0.5 * np.log(variance).sum() - np.log(len(members) / len(pixels)))
    return np.asarray(np.minimum(np.min(costs, axis=0), _MOST_COST), np.float32)


def _priors(at: _Layout) -> Field:
    """Return, per class, how unlikely each place is; the figures are in units of negative log-likelihood."""
    costs = np.zeros((len(CLASSES), *at.person.shape), np.float32)
    beside, in_arm, hip = np.abs(at.right), at.arm < 0.2, at.hip
    face = np.hypot(at.face_across, at.face_up)
    radius = at.head_radius
    head = at.head * radius
    core = ramp(0.34 - beside, 0, 0.1) * ramp(at.down, 0.02, 0.22) * ramp(hip - at.down, 0, 0.1)
    off_neck = (head > 1.35 * radius) & (beside > 0.32) & (at.down < hip)
    off_body = off_neck & (at.arm > 0.22) & (at.hand > 0.3)
    limb_or_hand = (at.hand < 0.28) | ((at.arm < 0.12) & (at.arm_arc > 0.6))
    costs[BACKGROUND] = np.where(at.person, _NEVER, -5 - 2 * _NEVER)
    costs[SKIN] = core * np.where(limb_or_hand, 1, 5) + 0.5 * ramp(at.down, -0.2, 0) * ~in_arm + 5 * off_body
    costs[HAIR] = (
        7 * ramp(head, 1.5 * radius, 4.2 * radius)
        + np.where((face < 0.8) & (at.face_up < 0.75), 8, 0)
        + 8 * ramp(at.down, 0.5, 1.0)
        + 6 * ramp(beside, 0.6, 0.9)
    )
    costs[TOP] = (
        np.where(face < 1.05, 9, 0)
        + 9 * ramp(-at.down, 0.12, 0.42)
        + 9 * ramp(at.down, 1.05 * hip, 1.45 * hip)
        + 6 * ramp(-head, -1.3 * radius, -1.0 * radius)
        + np.where(at.hand < 0.16, 3, 0)
    )
    costs[BOTTOM] = 12 * ramp(0.98 * hip - at.down, 0, 0.22 * hip) + np.where(in_arm & (at.down < 0.9 * hip), 4, 0)
    return costs


def _clean(costs: Field, at: _Layout) -> Points:
    """Return the cheapest class per pixel, without specks, and without hair that hangs on no head."""
    labels = costs.argmin(axis=0).astype(np.uint8)
    labels[~at.person] = BACKGROUND
    unsure = np.zeros(labels.shape, bool)
    for label in (HAIR, TOP, BOTTOM):
        parts, stats = components(labels == label)
        small = stats[:, cv2.CC_STAT_AREA] < max(12, _SPECK * np.count_nonzero(labels == label))
        small[0] = False
        unsure |= small[parts]
    parts, stats = components(labels == HAIR)
    on_head = np.zeros(len(stats), bool)
    on_head[parts[(at.face_up > 0.55) & (labels == HAIR)]] = True
    on_head[0] = True
    stray = ~on_head[parts]
    labels[stray] = np.where(costs[SKIN][stray] < costs[TOP][stray], SKIN, TOP)
    around = cv2.medianBlur(np.where(unsure, SKIN, labels).astype(np.uint8), 7)
    labels[unsure] = around[unsure]
    return np.asarray(labels, np.float64)


def _skin_tones(lab: Field, labels: Points, at: _Layout, face: Bits) -> tuple[Points, Points]:
    """Return the colours of the neck and the arms, guessed from the face where they are covered."""
    skin = labels == SKIN
    neck = np.median(lab[face], axis=0) if face.any() else np.array([170.0, 145.0, 150.0])
    below_chin = skin & (np.abs(at.right) < 0.2) & (at.down > -0.42) & (at.down < 0.05)
    below_chin &= np.hypot(at.face_across, at.face_up) > 1.15
    if np.count_nonzero(below_chin) > 40:
        neck = 0.75 * np.median(lab[below_chin], axis=0) + 0.25 * neck
    bare_arm = skin & (at.arm < 0.10) & (at.arm_arc > 0.25) & (at.hand > 0.15)
    arm = np.median(lab[bare_arm], axis=0) if np.count_nonzero(bare_arm) > 60 else neck
    if np.hypot(*(arm - neck)[1:]) > _SAME_SKIN:
        arm = neck
    return neck.astype(np.float64), arm.astype(np.float64)


def _tone(lab: Field, part: Bits) -> Points:
    """Return the median colour of a part; a part that is not there has none (NaN)."""
    return np.asarray(np.median(lab[part], axis=0), np.float64) if part.any() else np.full(3, np.nan)


def _at_full_size(labels: Points, rgb: Rgb) -> Field:
    shape = (rgb.shape[0], rgb.shape[1])
    grey, radius = to_grey(rgb), max(2, round(0.004 * max(shape)))
    masks = [guided(grey, enlarge((labels == label).astype(np.float32), shape), radius, 5e-4) for label in CLASSES]
    return np.clip(np.stack(masks), 0, 1)
