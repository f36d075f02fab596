"""Put the photo, what the old top hid, the new garment, and what is in front of it on top of one another."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import Field, Mask, Rgb
from .fit import Fit
from .geometry import distance_to_line
from .parsing import HAIR, SKIN, Parsing
from .person import Person
from .raster import blur, ramp
from .shade import crease, form, old_light, shadow
from .sides import SIDES
from .under import old_top, reveal
from .warp import Dressed

_CONTACT = 0.35
"""Darkness of the shadow that the garment's edge throws on the body."""
_SLEEVE_SHADOW = 0.45
_INVISIBLE = 1 / 512
"""A change of less than this share of the full scale rounds to no change at all."""
_STRIP = 256
"""Rows of the full-size photo that are worked on at once: floats of a whole 40-megapixel photo need 2 GB."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a photo, as `photo * gain + light`, on a raster that may be smaller than the photo.

    Where nothing changes the gain is just 1 and the light just 0.
    """

    gain: Field
    light: Field

    def painted(self, colour: Field, alpha: Mask) -> "Change":
        """Return the change with a soft layer of colour on top."""
        keep = (1 - alpha).astype(np.float32)
        return Change(self.gain * keep, self.light * keep[..., None] + colour * alpha[..., None])

    def darkened(self, factor: Field) -> "Change":
        """Return the change with all below it multiplied by the factor."""
        return Change(self.gain * factor, self.light * factor[..., None])

    def restored(self, alpha: Mask) -> "Change":
        """Return the change with the photo itself on top again."""
        keep = (1 - alpha).astype(np.float32)
        return Change(1 - (1 - self.gain) * keep, self.light * keep[..., None])

    def settled(self) -> "Change":
        """Return the change without what nobody can see, so that pixels beside it stay exactly as they are."""
        nothing = (np.abs(1 - self.gain) < _INVISIBLE) & (self.light.max(axis=2) < 255 * _INVISIBLE)
        return Change(np.where(nothing, np.float32(1), self.gain), np.where(nothing[..., None], 0, self.light))


def compose(rgb: Rgb, person: Person, parsing: Parsing, fitted: Fit, dressed: Dressed) -> Change:
    """Return the change that dresses the person; `rgb` is the photo in which the person was found."""
    shape, span = (rgb.shape[0], rgb.shape[1]), person.frame.span
    cover = dressed.cover
    change = Change(np.ones(shape, np.float32), np.zeros(rgb.shape, np.float32))
    revealed = reveal(rgb, person, parsing, cover, fitted.hem)
    change = change.painted(revealed.colour, revealed.alpha)
    change = change.darkened(1 - _contact_shadow(cover, revealed.body, span))
    light = np.clip(old_light(rgb, parsing, span) * form(cover, person), 0.4, 1.25)
    change = change.painted(np.clip(dressed.torso.colour * light[..., None], 0, 255), dressed.torso.alpha)
    for side, layer in dressed.sleeves.items():
        thrown = shadow(layer.alpha, span, 0.05) * dressed.torso.alpha * _below_armpit(person, shape)
        change = change.darkened(1 - np.float32(_SLEEVE_SHADOW) * thrown)
        shaded = layer.colour * (light * crease(fitted, side, span, shape))[..., None]
        change = change.painted(np.clip(shaded, 0, 255).astype(np.float32), layer.alpha)
    return change.restored(_in_front(person, parsing, fitted)).settled()


def _contact_shadow(cover: Mask, body: Mask, span: float) -> Field:
    """Return the shadow just below the garment's edges, on the body only."""
    fallen = np.roll(blur(cover, 0.035 * span), int(0.02 * span), axis=0)
    return np.asarray(_CONTACT * np.clip(fallen, 0, 1) * (1 - cover) * body, np.float32)


def _below_armpit(person: Person, shape: tuple[int, int]) -> Field:
    _, down = person.frame.fields(shape)
    return ramp(down, 0.25, 0.4)


def _in_front(person: Person, parsing: Parsing, fitted: Fit) -> Mask:
    """Return what is in front of a top: the hair, the face, the hands and the arms below the sleeves."""
    span = person.frame.span
    shape = person.mask.shape
    _, down = person.frame.fields(shape)
    ys, xs = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    nose = person.face.centre
    old = old_top(person, parsing) > 0.05
    face = np.hypot(xs - nose[0], ys - nose[1]) < 0.72 * person.face.width
    front = np.maximum(np.clip(1.1 * parsing[HAIR], 0, 1) * (down < 0.9), blur(parsing[SKIN] * face, 0.008 * span))
    for side in SIDES:
        if not person.hand_is_seen(side):
            continue
        wrist, *fingers = person.hand(side)
        to_fingers = np.min([np.hypot(xs - x, ys - y) for x, y in fingers], axis=0)
        to_wrist = np.hypot(xs - wrist[0], ys - wrist[1])
        to_arm, arc = distance_to_line(person.arm(side), shape)
        sleeve_end = fitted.sleeve_ends.get(side, 0.0)
        bare = (to_arm < 0.15 * span) & (arc > max(sleeve_end, 0.35 * span))
        hand = (to_fingers < 0.13 * span) | ((to_wrist < 0.17 * span) & (arc > sleeve_end - 0.05 * span))
        front = np.maximum(front, blur(parsing[SKIN] * ((hand | bare) & ~old), 0.8))
    return np.asarray(np.clip(front, 0, 1), np.float32)


def apply(change: Change, photo: Rgb) -> Rgb:
    """Return the photo, of any size, with the change: only the change is resampled, and only where there is one."""
    result = photo.copy()
    changed = (change.gain != 1) | (change.light > 0).any(axis=2)
    if not changed.any():
        return result
    scale = photo.shape[0] / change.gain.shape[0]
    rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
    top, left = (max(0, int((line[0] - 1) * scale)) for line in (rows, columns))
    bottom = min(photo.shape[0], int((rows[-1] + 2) * scale) + 1)
    right = min(photo.shape[1], int((columns[-1] + 2) * scale) + 1)
    both = np.dstack([change.light, change.gain])
    for start in range(top, bottom, _STRIP):
        end = min(start + _STRIP, bottom)
        part = _enlarged(both, (left, start, right, end), scale)
        strip = result[start:end, left:right]
        strip[:] = np.rint(np.clip(strip * part[..., 3:] + part[..., :3], 0, 255))
    return result


def _enlarged(field: Field, box: tuple[int, int, int, int], scale: float) -> NDArray[np.float32]:
    """Return the field at `scale` of its size, but only x0, y0, x1, y1 of it."""
    x0, y0, x1, y1 = box
    step = 1 / scale
    matrix = np.array([[step, 0, (x0 + 0.5) * step - 0.5], [0, step, (y0 + 0.5) * step - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(field, matrix, (x1 - x0, y1 - y0), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)
