"""Where the garment's key points go on the body: the same `Outline`, in the pixels of the person's photo.

Lengths in this file are shoulder spans unless they are said to be pixels.
"""

from dataclasses import dataclass

import numpy as np

from .arm import Arm
from .arrays import Bits, Point, Points
from .garment_points import Garment
from .geometry import arc_lengths, march, resample, smooth, unit
from .outline import FLANK_POINTS, SHOULDER_POINTS, SLEEVE_POINTS, Half, Outline, Sleeve
from .parsing import BOTTOM, HAIR, SKIN, TOP, Parsing
from .person import Person
from .pose import MOUTH
from .sides import SIDES, Side, sign

_CHEST = 1.30
"""A top of usual ease, laid flat, is this wide at the chest."""
_LONGEST, _SHORTEST = 1.85, 1.0
"""From collar to hem: longer garments are scaled down to a tunic's length, shorter ones up to the ribs."""
_COLLAR_RIGHT, _COLLAR_DOWN = 0.215, -0.27
"""Where the neck meets the shoulders on an adult facing us."""
_MOST_NECK_SHIFT = 0.12
_TIP_RIGHT, _TIP_DOWN = 0.56, -0.12
"""The bone of the shoulder, just outside and above the joint."""
_SHOULDER_UP, _SHOULDER_SINK = 0.08, 0.06
"""How far the shoulder line may follow the silhouette up (collars, pads) and down (sloping shoulders)."""
_CLOTH = 0.014
"""Cloth lies outside the body by this much."""
_ARMPIT_ARC = 0.34
"""How far along the arm the armpit is."""
_ARMPIT_RIGHT, _ARMPIT_DOWN = (0.36, 0.53), (0.24, 0.40)
_NECK_DEPTH = (0.11, 0.75)
_WAIST = (0.40, 0.95)
"""Half-widths that a torso can have."""
_HIPS = 1.18
"""Hips are at most this much wider than the middle of the torso: beyond is a leg, an arm, or a chair."""
_FLANK_EASE = 0.07
_HEM_STRETCH = 1.3
"""A hem is pulled down by up to this factor to cover the old top's."""
_BELOW_OLD_HEM = 0.05
_CROPPED_STRETCH, _BELOW_CROP = 1.5, 0.3
"""The same where the photo ends before the old top does: the hem leaves the photo, to its corners."""
_LONG_SLEEVE = 0.55
"""A sleeve of this length, in lengths of the body from collar to hem, is a long one and ends at the wrist."""
_SHORTEST_SLEEVE = 0.36
_PAST_WRIST = 0.04
_SLEEVE_EASE = ([0.5, 1.0], [0.055, 0.020])
"""Sleeves lie around the arm with at most this much room on either side, from the elbow to the wrist."""
_MOST_OLD_SLEEVE = 0.16
_SHOULDER_CLOTH = 0.022


@dataclass(frozen=True, slots=True)
class Fit:
    """The outline on the body, the garment's scale (photo pixels per garment pixel), the hem's height (spans) and,
    per side with a sleeve, how far along the arm (pixels) it ends."""

    outline: Outline
    scale: float
    hem: float
    sleeve_ends: dict[Side, float]


def fit(person: Person, parsing: Parsing, garment: Garment) -> Fit:
    """Return where the garment's key points belong on the person."""
    span = person.frame.span
    scale = min(_CHEST * span / garment.chest, _LONGEST * span / garment.length)
    scale = max(scale, _SHORTEST * span / garment.length)
    labels = parsing.masks.argmax(axis=0)
    body = (person.mask > 0.5) & (labels != HAIR)
    shoulders = {side: _shoulder(person, body, labels == TOP, side) for side in SIDES}
    collar = float(np.mean([person.frame.place(shoulders[side][0])[1] for side in SIDES]))
    hem = _hem(person, parsing, collar + garment.length * scale / span)
    halves, ends = [], {}
    for side in SIDES:
        arm = Arm.of(person, parsing, side)
        flank = _flank(person, arm, body & (labels != SKIN), garment, side, scale, hem)
        source = garment.outline.half(side).sleeve
        sleeve = None
        if source is not None:
            ends[side] = _sleeve_end(arm, source, garment, scale)
            sleeve = _sleeve(arm, body, shoulders[side][-1], flank[0], ends[side], _half_width(source) * scale)
        halves.append(Half(shoulders[side], flank, sleeve))
    neckline = _neckline(person, garment, shoulders["left"][0], shoulders["right"][0], scale)
    return Fit(Outline(halves[0], halves[1], neckline), scale, hem, ends)


def _half_width(sleeve: Sleeve) -> float:
    return float(np.median(np.hypot(*(sleeve.outer - sleeve.inner).T))) / 2


def _shoulder(person: Person, body: Bits, top: Bits, side: Side) -> Points:
    """Return the line from collar to tip, snapped to the silhouette, and at the collar to the old top."""
    frame = person.frame
    joint = abs(frame.place(person.arm(side)[0])[0])
    tip_right = _TIP_RIGHT - 0.5 + float(np.clip(joint, 0.44, 0.56))
    rights = np.linspace(_COLLAR_RIGHT + sign(side) * _neck_shift(person), tip_right, SHOULDER_POINTS)
    usual = np.linspace(_COLLAR_DOWN, _TIP_DOWN, SHOULDER_POINTS) + _joint_down(person, side)
    downs = []
    for index, (right, down) in enumerate(zip(rights, usual, strict=True)):
        inside = top if index == 0 and top.any() else body
        start = frame.at(sign(side) * right, down + 0.2)
        risen = march(inside, start, -frame.down, 0.6 * frame.span) / frame.span
        edge = down + 0.2 - risen if risen > 0 else down
        downs.append(np.clip(edge, down - _SHOULDER_UP, down + _SHOULDER_SINK) - _CLOTH)
    never_rising = np.minimum.accumulate(downs[::-1])[::-1]
    smoothed = smooth(never_rising, 2)
    return np.stack([frame.at(sign(side) * right, down) for right, down in zip(rights, smoothed, strict=True)])


def _neck_shift(person: Person) -> float:
    """Return how far to the right of the torso's middle line the neck rises: the head, farther up, is twice as far."""
    mouth = person.pose.points[list(MOUTH)].mean(axis=0)
    return float(np.clip(0.5 * person.frame.place(mouth)[0], -_MOST_NECK_SHIFT, _MOST_NECK_SHIFT))


def _joint_down(person: Person, side: Side) -> float:
    """Return how far that shoulder is below the middle of both, at most a tenth: people tilt, landmarks err."""
    return float(np.clip(person.frame.place(person.arm(side)[0])[1], -0.1, 0.1))


def _hem(person: Person, parsing: Parsing, natural: float) -> float:
    """Return the height of the hem: the garment's own, or a little lower where that hides the old top."""
    right, down = person.frame.fields((parsing.masks.shape[1], parsing.masks.shape[2]))
    middle = (np.abs(right) < 0.3) & (down > 0)
    worn = middle & (parsing[TOP] > 0.5)
    if parsing.one_piece:
        worn |= middle & (parsing[BOTTOM] > 0.5)
    if np.count_nonzero(worn) < 30:
        return natural
    cropped = bool(worn[-3:].any())
    old = float(np.quantile(down[worn], 0.99)) + (_BELOW_CROP if cropped else _BELOW_OLD_HEM)
    return old if natural < old < natural * (_CROPPED_STRETCH if cropped else _HEM_STRETCH) else natural


def _flank(person: Person, arm: Arm, torso: Bits, garment: Garment, side: Side, scale: float, hem: float) -> Points:
    """Return the line from the armpit to the hem: the garment's own width, held to that of the body."""
    frame = person.frame
    out = sign(side)
    armpit = _armpit(person, arm, out)
    rows = np.linspace(armpit[1], hem, FLANK_POINTS)
    right, _ = frame.fields((torso.shape[0], torso.shape[1]))
    trunk = torso & (~arm.near(torso.shape) | (np.abs(right) < 0.33))
    widths = [march(trunk, frame.at(0, row), frame.right * out, _WAIST[1] * frame.span) / frame.span for row in rows]
    body = np.clip(widths, *_WAIST)
    body = smooth(np.minimum(body, _HIPS * float(np.median(body))), 2)
    own = np.abs(garment.outline.half(side).flank[:, 0] - garment.silhouette.middle) * scale / frame.span
    held = np.clip(0.9 * own, body + 0.015, body * (1 + _FLANK_EASE) + 0.02)
    held[0] = armpit[0]
    return np.stack([frame.at(out * width, row) for width, row in zip(smooth(held), rows, strict=True)])


def _armpit(person: Person, arm: Arm, out: int) -> tuple[float, float]:
    """Return how far outwards and down the armpit is: where the arm's inner edge leaves the trunk."""
    arc = _ARMPIT_ARC * arm.span
    right, down = person.frame.place(arm.at(arc) - arm.normal(arc) * arm.radius(arc, -1))
    return float(np.clip(out * right, *_ARMPIT_RIGHT)), float(np.clip(down, *_ARMPIT_DOWN))


def _neckline(person: Person, garment: Garment, left: Point, right: Point, scale: float) -> Points:
    """Return the garment's neckline between the collar points on the body."""
    source, line = garment.outline.neckline, garment.neckline
    span = person.frame.span
    across = (source[:, 0] - source[0, 0]) / (source[-1, 0] - source[0, 0])
    deep = np.clip((source[:, 1] - line.y) / line.depth, 0, 1)
    deep[[0, -1]] = 0
    depth = np.clip(0.95 * line.depth * scale / span, *_NECK_DEPTH) * span
    return np.asarray(left + (right - left) * across[:, None] + person.frame.down * (deep * depth)[:, None])


def _sleeve_end(arm: Arm, source: Sleeve, garment: Garment, scale: float) -> float:
    """Return how many pixels along the arm the sleeve covers; a long one ends at the wrist."""
    outer, inner = (float(arc_lengths(line)[-1]) for line in (source.outer, source.inner))
    if outer > _LONG_SLEEVE * garment.length:
        return float(arc_lengths(arm.line)[-1]) if arm.leaves else arm.reach + _PAST_WRIST * arm.span
    end = (outer * scale - 0.14 * arm.span + inner * scale + 0.30 * arm.span) / 2
    return float(np.clip(end, _SHORTEST_SLEEVE * arm.span, arm.reach))


def _sleeve(arm: Arm, body: Bits, tip: Point, armpit: Point, end: float, half_width: float) -> Sleeve:
    """Return the sleeve's edges around the arm; `end` and the garment's own `half_width` are pixels."""
    outer = [tip, *_around_the_shoulder(arm, body, tip)]
    outer += [_edge(arm, body, arc, 1, half_width) for arc in np.linspace(0.08 * arm.span, end, 12)]
    inner = [armpit]
    inner += [_edge(arm, body, arc, -1, half_width) for arc in np.linspace(min(0.45 * arm.span, 0.9 * end), end, 9)]
    lines = [resample(smooth(np.array(line), 2), SLEEVE_POINTS) for line in (outer, inner)]
    return Sleeve(lines[0], lines[1])


def _around_the_shoulder(arm: Arm, body: Bits, tip: Point) -> list[Point]:
    """Return points of the silhouette as seen from the joint, from the tip's direction to the arm's normal."""
    joint = arm.at(0.0)
    start, end = unit(tip - joint), arm.normal(0.08 * arm.span)
    points = []
    for share in (0.3, 0.6, 0.85):
        direction = unit(start * (1 - share) + end * share)
        limit = (0.20 + 0.07 * share) * arm.span
        points.append(joint + direction * (march(body, joint, direction, limit) + _SHOULDER_CLOTH * arm.span))
    return points


def _edge(arm: Arm, body: Bits, arc: float, way: int, half_width: float) -> Point:
    """Return the sleeve's edge at that arc, outwards (way 1) or towards the body (way -1).

    It lies around the bare arm; at the shoulder, and where no skin tells how thick the arm is, around what is seen.
    """
    direction = arm.normal(arc) * way
    bare = arm.radius(arc, way)
    seen = march(body, arm.at(arc), direction, bare + _MOST_OLD_SLEEVE * arm.span)
    trust = 1.0 if not arm.bare else float(np.clip(1 - arc / (0.45 * arm.span), 0, 1))
    around = bare + max(0.0, seen - bare) * trust * (way > 0)
    most_ease = np.interp(arc / arm.reach, *_SLEEVE_EASE)
    ease = np.clip(half_width - around, _CLOTH * arm.span, most_ease * arm.span)
    return np.asarray(arm.at(arc) + direction * (around + ease))
