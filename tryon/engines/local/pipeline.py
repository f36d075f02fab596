"""The whole try-on, from two pictures to one: find the person, measure the garment, fit, warp, shade, compose."""

import numpy as np

from tryon.engines.base import EngineError

from . import parsing as parse_stage
from .arrays import Mask, Rgb
from .compose import apply, compose
from .fit import fit
from .garment_check import check_shape
from .garment_mask import cut_out
from .garment_points import Garment, measure
from .parsing import parse
from .person import find_person
from .raster import blur, enlarge, fill_holes, fit_within, largest, ramp, scale_picture
from .warp import warp

_PERSON_SIZE = 1024
"""Longest side in pixels at which the photo is worked on; larger photos get the change enlarged."""
_GARMENT_SIZE = 900
_LEAST_SIDE = 64
_TOO_SMALL = "The picture of the {} is too small or too narrow to show one. Use a larger picture."


def dress(person_rgb: Rgb, garment_rgb: Rgb, garment_alpha: Mask | None) -> Rgb:
    """Return the person's photo, at its own size, with the person wearing the garment.

    `garment_alpha` is the alpha channel (0 to 1) of the garment's picture, or None. The same pictures give the same
    result. Raises EngineError `person_not_found` or `garment_not_found`.
    """
    _check_sides(person_rgb, garment_rgb)
    photo = fit_within(person_rgb, _PERSON_SIZE)
    person = find_person(photo)
    parsing = parse(photo, person)
    cloth = scale_picture(garment_rgb, _GARMENT_SIZE / max(garment_rgb.shape[:2]))
    mask, garment = measure_garment(cloth, garment_alpha)
    fitted = fit(person, parsing, garment)
    dressed = warp(cloth, mask, garment, fitted, person.frame.span, (photo.shape[0], photo.shape[1]))
    return apply(compose(photo, person, parsing, fitted, dressed), person_rgb)


def measure_garment(cloth: Rgb, alpha: Mask | None) -> tuple[Mask, Garment]:
    """Return the garment's mask and key points, be it laid flat or worn by somebody."""
    if alpha is not None:
        alpha = enlarge(alpha, (cloth.shape[0], cloth.shape[1]))
    worn = _worn_top(cloth) if alpha is None else None
    if worn is not None:
        return worn, measure(cloth, worn, worn=True)
    mask = cut_out(cloth, alpha)
    garment = measure(cloth, mask, worn=False)
    check_shape(garment)
    return mask, garment


def _check_sides(person_rgb: Rgb, garment_rgb: Rgb) -> None:
    if min(person_rgb.shape[:2]) < _LEAST_SIDE:
        raise EngineError("person_not_found", _TOO_SMALL.format("person"), permanent=True)
    if min(garment_rgb.shape[:2]) < _LEAST_SIDE:
        raise EngineError("garment_not_found", _TOO_SMALL.format("garment"), permanent=True)


def _worn_top(cloth: Rgb) -> Mask | None:
    """Return the mask of the top that somebody wears in the garment's picture, or None where nobody does."""
    try:
        wearer = find_person(cloth)
    except EngineError:
        return None
    top = largest(fill_holes(parse(cloth, wearer)[parse_stage.TOP] > 0.5))
    return ramp(blur(top.astype(np.float32), 2), 0.45, 0.75)
