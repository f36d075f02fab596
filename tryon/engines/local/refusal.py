"""What the engine says when a picture cannot be used: a code and a sentence that says which photo would work."""

from tryon.engines.base import EngineError

_PERSON_ADVICE = "Use an upright photo of one person facing the camera, with the face and the upper body in view."
_GARMENT_ADVICE = "Use a photo of one top, laid flat or on a hanger, in full view against a plain background."


def no_person(reason: str, detail: str = "") -> EngineError:
    """Return the refusal of the person's photo; `reason` is the first sentence, `detail` the figures for staff."""
    return EngineError("person_not_found", f"{reason} {_PERSON_ADVICE}", permanent=True, detail=detail)


def no_garment(reason: str, detail: str = "") -> EngineError:
    """Return the refusal of the garment's picture; `reason` is the first sentence, `detail` the figures for staff."""
    return EngineError("garment_not_found", f"{reason} {_GARMENT_ADVICE}", permanent=True, detail=detail)
