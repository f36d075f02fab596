"""A top as an outline with the same key points on the garment and on the body, so that one can be warped to the other.

A top is two halves around its neckline. Each half runs from the collar over the shoulder to the tip (where the sleeve
begins), and from the armpit down the flank to the hem; a sleeve has an outer line, from the tip, and an inner one, from
the armpit, both to the cuff.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from .arrays import Point, Points
from .sides import Side

SHOULDER_POINTS: Final = 6
FLANK_POINTS: Final = 7
SLEEVE_POINTS: Final = 16
NECK_POINTS: Final = 13


@dataclass(frozen=True, slots=True)
class Sleeve:
    """The two edges of a sleeve, `SLEEVE_POINTS` each, from the armhole to the cuff."""

    outer: Points
    inner: Points


@dataclass(frozen=True, slots=True)
class Half:
    """One side of a top: shoulder from collar to tip, flank from armpit to hem, and the sleeve, if there is one."""

    shoulder: Points
    flank: Points
    sleeve: Sleeve | None

    @property
    def collar(self) -> Point:
        """Where the neckline meets the shoulder."""
        return np.asarray(self.shoulder[0])

    @property
    def tip(self) -> Point:
        """Where the shoulder ends and the sleeve begins."""
        return np.asarray(self.shoulder[-1])

    @property
    def armpit(self) -> Point:
        """Where the sleeve's underside meets the flank."""
        return np.asarray(self.flank[0])


@dataclass(frozen=True, slots=True)
class Outline:
    """A whole top: its halves by the viewer's side, and the neckline from the left collar to the right."""

    left: Half
    right: Half
    neckline: Points

    def half(self, side: Side) -> Half:
        """Return the half on that side of the picture."""
        return self.left if side == "left" else self.right

    def body(self) -> Points:
        """Return the corners of the torso's part, without the sleeves, once around."""
        down = [self.left.shoulder, self.left.flank]
        up = [self.right.flank[::-1], self.right.shoulder[::-1]]
        return np.concatenate([*down, *up, self.neckline[::-1]])
