"""An arm: its line from the shoulder over the elbow to the wrist, and how thick it is without a sleeve."""

from dataclasses import dataclass, replace

import numpy as np

from .arrays import Bits, Point, Points
from .geometry import along, arc_lengths, march, smooth, unit
from .parsing import SKIN, Parsing
from .person import Person
from .sides import Side, sign

_SAMPLES = 24
_USUAL_ARCS = (0.0, 0.4, 0.8, 1.6)
_USUAL_RADII = {1: (0.135, 0.130, 0.118, 0.085), -1: (0.150, 0.135, 0.115, 0.085)}
"""Radius of a bare arm, in spans, at distances from the shoulder's joint (spans), outwards (1) and inwards (-1)."""
_MOST_RADIUS = 0.22
_LIKELY = (0.8, 1.3)
"""A measured radius is believed between these multiples of the usual one."""
_PAST_WRIST = 0.2
"""The line goes on past the wrist by this share of the forearm, and by a whole one where the photo hides the hand."""


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm in the pixels of the photo; `span` is the shoulder span.

    `reach` is the length from the joint to the wrist. `turn` says which normal of the line points away from the body
    (1 or -1). `outer` and `inner` are the bare radii, in pixels, at `_SAMPLES` places from the joint to the wrist.
    `bare` says that some of its skin is to be seen, `leaves` that the arm leaves the photo before its hand.
    """

    line: Points
    span: float
    reach: float
    turn: int
    outer: Points
    inner: Points
    bare: bool
    leaves: bool

    @classmethod
    def of(cls, person: Person, parsing: Parsing, side: Side) -> "Arm":
        """Return the person's arm on that side of the picture."""
        joint, elbow, wrist = person.arm(side)
        leaves = _leaves(person, side)
        line = np.stack([joint, elbow, wrist, wrist + (1.0 if leaves else _PAST_WRIST) * (wrist - elbow)])
        span = person.frame.span
        reach = float(arc_lengths(line)[2])
        usual = {way: np.interp(_arcs(reach) / span, _USUAL_ARCS, _USUAL_RADII[way]) * span for way in (1, -1)}
        arm = cls(line, span, reach, 1, usual[1], usual[-1], bare=False, leaves=leaves)
        normal = arm.normal(0.3 * span)
        sideways = float(normal @ person.frame.right) * sign(side)
        outwards = sideways if abs(sideways) > 0.25 else -float(normal @ person.frame.down)
        arm = replace(arm, turn=1 if outwards > 0 else -1)
        return arm.measured(parsing[SKIN] > 0.5)

    def measured(self, skin: Bits) -> "Arm":
        """Return the arm with the radii that its visible skin shows, and like ones where it is covered."""
        outer, outer_seen = self._measure(skin, 1, self.outer)
        inner, inner_seen = self._measure(skin, -1, self.inner)
        return replace(self, outer=outer, inner=inner, bare=outer_seen or inner_seen)

    def _measure(self, skin: Bits, way: int, usual: Points) -> tuple[Points, bool]:
        arcs = _arcs(self.reach)
        most = _MOST_RADIUS * self.span
        walked = np.array([march(skin, self.at(arc), self.normal(arc) * way, most) for arc in arcs])
        seen = (walked > 0.3 * usual) & (walked < most - 2) & (arcs < 0.93 * self.reach)
        if np.count_nonzero(seen) < 3:
            return usual, False
        ratio = np.clip(walked[seen] / usual[seen], *_LIKELY)
        return smooth(usual * np.interp(arcs, arcs[seen], ratio), 2), True

    def at(self, arc: float) -> Point:
        """Return the place at that many pixels from the joint."""
        return np.asarray(along(self.line, np.array([max(arc, 0.0)]))[0])

    def normal(self, arc: float) -> Point:
        """Return the normal there that points away from the body, smoothed over the elbow."""
        direction = unit(self.at(arc + 0.14 * self.span) - self.at(arc - 0.14 * self.span))
        return np.array([-direction[1], direction[0]]) * self.turn

    def radius(self, arc: float, way: int) -> float:
        """Return the bare radius in pixels at that arc, outwards (way 1) or towards the body (way -1)."""
        return float(np.interp(arc, _arcs(self.reach), self.outer if way > 0 else self.inner))

    def shape(self) -> Points:
        """Return the corners of the bare arm, from the shoulder to the wrist and back."""
        arcs = _arcs(self.reach)
        edges = [[self.at(arc) + self.normal(arc) * way * self.radius(arc, way) for arc in arcs] for way in (1, -1)]
        return np.array([*edges[0], *edges[1][::-1]])

    def shoulder(self) -> Points:
        """Return the corners of the round end of the bare arm at its joint."""
        angles = np.linspace(0, 2 * np.pi, 32)
        radius = (self.radius(0, 1) + self.radius(0, -1)) / 2
        return self.at(0) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)

    def near(self, shape: tuple[int, ...]) -> Bits:
        """Return the pixels that belong to the arm rather than to the trunk beside it."""
        ys, xs = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
        near = np.zeros(shape, bool)
        for arc in np.arange(0.05 * self.span, self.reach, 0.05 * self.span):
            x, y = self.at(arc)
            near |= (xs - x) ** 2 + (ys - y) ** 2 < (0.9 * self.radius(arc, -1)) ** 2
        return near


def _leaves(person: Person, side: Side) -> bool:
    """Tell whether the arm leaves the photo: its hand is not to be seen, and it leads over the photo's edge."""
    _, elbow, wrist = person.arm(side)
    x, y = 2 * wrist - elbow
    height, width = person.mask.shape
    return not person.hand_is_seen(side) and not (0 <= x < width and y < height)


def _arcs(reach: float) -> Points:
    return np.linspace(0, reach, _SAMPLES)
