"""The two sides of a picture: `left` is always the viewer's left, so the wearer's right arm."""

from typing import Final, Literal, TypeAlias

Side: TypeAlias = Literal["left", "right"]
SIDES: Final[tuple[Side, Side]] = ("left", "right")


def sign(side: Side) -> int:
    """Return the direction of x that leads outwards on that side: -1 or 1."""
    return -1 if side == "left" else 1


def other(side: Side) -> Side:
    """Return the opposite side."""
    return "right" if side == "left" else "left"
