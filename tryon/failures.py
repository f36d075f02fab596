"""Why jobs fail: every public `error_code`, what it says by default, and whether trying again helps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed. `message` is for the customer, `detail` the raw error, for staff."""

    code: str
    message: str
    detail: str = ""


MESSAGES = {
    "image_unreachable": "The model image could not be downloaded. Check that its URL answers without a login.",
    "image_too_large": "The model image is larger than 10 MB or 40 megapixels. Send a smaller one.",
    "image_type_unsupported": "The model image is not a JPEG, PNG or WebP still. Convert it to one of these.",
    "image_corrupt": "The model image is damaged or incomplete. Save it again and send the new file.",
    "image_url_forbidden": "The model image's address is not on the public internet. Use a public URL.",
    "person_not_found": "No person could be found in the model image. Use a photo of one person, facing the camera.",
    "garment_not_found": "No garment could be found in the garment image. Use a photo of one garment.",
    "content_blocked": "The pictures were refused by the safety filter. Use other pictures.",
    "engine_unavailable": "The try-on engine is not available just now. Submit the job again in a few minutes.",
    "engine_timeout": "The try-on engine took too long. Submit the job again.",
    "engine_error": "The try-on engine failed on these pictures. Submit the job again, or use other pictures.",
    "internal_error": "Something of ours went wrong. Submit the job again; if it keeps failing, tell us the job id.",
}
RETRYABLE = frozenset({"image_unreachable", "engine_unavailable", "engine_timeout", "engine_error", "internal_error"})


def failure(code: str, detail: str = "", *, role: str = "model") -> Failure:
    """Return the failure with its usual message; where that is about one picture, `role` says which."""
    message = MESSAGES[code]
    if code.startswith("image_"):
        message = message.replace("model image", f"{role} image")
    return Failure(code, message, detail)
