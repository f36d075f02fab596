"""Pictures: fetching customers', making them plain, and giving the engine's answer its final size and type."""

from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from time import monotonic, sleep
from typing import Any, Literal, TypeAlias

from PIL import ExifTags, Image, ImageCms

from tryon.engines.base import EngineError, Picture, decoding
from zupertry.core import http, storage

Role: TypeAlias = Literal["model", "garment"]

MAX_BYTES = 10_485_760
MAX_PIXELS = 40_000_000
DOWNLOAD_SECONDS = 20.0
"""For both tries together."""
TRY_SECONDS = 15.0
PAUSE_SECONDS = 0.5
MAX_REDIRECTS = 3

_BYTE_LIMIT = f"{MAX_BYTES:,} bytes (10 MB)"
_PIXEL_LIMIT = f"{MAX_PIXELS:,} pixels"
_CONTENT_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png"}

# Each scan of a progressive JPEG, however few its bytes, costs a pass over the whole picture. Real ones have ten;
# other data in the file (thumbnails, the video of a live photo) hold the marker by chance once in 65,536 bytes.
_START_OF_SCAN = b"\xff\xda"
_MAX_SCANS = 300

_TRANSPOSITIONS = {  # Exif 2.32, tag 274: how to turn the stored picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class PictureError(Exception):
    """A picture cannot be used.

    `code` is one of the job's public error codes, `message` says to the customer which picture it is and what to do,
    `permanent` means that the same URL will not do better in a while.
    """

    def __init__(self, code: str, message: str, *, permanent: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.permanent = permanent


def fetch(url: str, *, role: Role) -> Picture:
    """Download the picture at `url` and make it plain.

    What may pass (5xx, time-outs, no connection) is tried once more, within 20 seconds for both tries.
    Raises `PictureError`.
    """
    stop_at = monotonic() + DOWNLOAD_SECONDS
    try:
        data = _download(url, role, TRY_SECONDS)
    except PictureError as error:
        if error.permanent:
            raise
        sleep(PAUSE_SECONDS)
        data = _download(url, role, min(TRY_SECONDS, stop_at - monotonic()))
    return normalise(data, role)


def stored(name: str, *, role: Role) -> Picture:
    """Read a picture of ours from storage and make it plain. Raises `PictureError`."""
    try:
        data = storage.read(name, MAX_BYTES + 1)
    except FileNotFoundError as error:
        message = f"The {role} image is not stored any more. Upload it again."
        raise PictureError("image_unreachable", message) from error
    return normalise(data, role)


def normalise(data: bytes, role: Role) -> Picture:
    """Return the picture in `data` upright, in 8-bit sRGB and without metadata.

    JPEG stays JPEG and PNG stays PNG; WebP becomes JPEG. Transparency is kept for garments, as PNG while that is no
    larger than 10 MB, and becomes white otherwise. Raises `PictureError`.
    """
    subject = f"The {role} image"
    if len(data) > MAX_BYTES:
        raise _too_large(subject, _BYTE_LIMIT)
    with decoding:
        decoded = _decode(data, subject)
        image = _plain(decoded, role, subject)
        as_png = decoded.format == "PNG" or image.mode == "RGBA"
        plain = _encode(image, "image/png" if as_png else "image/jpeg")
        if role == "garment" and len(plain.data) > MAX_BYTES:
            return _encode(_flatten(image), "image/jpeg")
        return plain


def conform(output: Picture, person: Picture) -> Picture:
    """Return an engine's `output` in exactly the size and type of the `person`'s photo.

    When it has both already its bytes are kept, with whatever metadata the engine put in. Raises `EngineError`.
    """
    try:
        with decoding:
            image = _decode(output.data, "The engine's picture")
            size = (person.width, person.height)
            if image.size == size and _CONTENT_TYPES.get(image.format or "") == person.content_type:
                return replace(person, data=output.data)
            return _encode(_flatten(image).resize(size, Image.Resampling.LANCZOS), person.content_type)
    except PictureError as error:
        message = "The try-on engine returned a picture that cannot be read. Please submit the job again."
        raise EngineError("engine_error", message, permanent=False, detail=error.message) from error


def _download(url: str, role: Role, seconds: float) -> bytes:
    subject = f"The {role} image"
    try:
        response = http.request("GET", url, total_timeout=seconds, max_bytes=MAX_BYTES, max_redirects=MAX_REDIRECTS)
    except http.ForbiddenAddressError as error:
        message = f"{subject} was not downloaded. {error.message} Use a URL that anyone on the internet can open."
        raise PictureError("image_url_forbidden", message) from error
    except http.TooLargeError as error:
        raise _too_large(subject, _BYTE_LIMIT) from error
    except http.OutboundError as error:
        passing = isinstance(error, http.UnreachableError | http.DeadlineExceededError)
        raise _unreachable(subject, error.message, permanent=not passing) from error
    if not 200 <= response.status <= 299:
        reason = f"The server answered with status {response.status}."
        raise _unreachable(subject, reason, permanent=response.status < 500)
    return response.body


def _unreachable(subject: str, reason: str, *, permanent: bool) -> PictureError:
    message = f"{subject} could not be downloaded. {reason} Check that anyone on the internet can open the URL."
    return PictureError("image_unreachable", message, permanent=permanent)


def _too_large(subject: str, limit: str) -> PictureError:
    return PictureError("image_too_large", f"{subject} has more than {limit}. Send a smaller one.")


def _unsupported(subject: str, what: str) -> PictureError:
    return PictureError("image_type_unsupported", f"{subject} {what}. Send a still JPEG, PNG or WebP.")


def _corrupt(subject: str) -> PictureError:
    message = f"{subject} is damaged or incomplete, and cannot be read. Save it again and send the new file."
    return PictureError("image_corrupt", message)


def _decode(data: bytes, subject: str) -> Image.Image:
    """Return the picture in `data`, decoded; refuse what is too large before decoding."""
    if not data:
        raise _corrupt(subject)
    if not _looks_supported(data):
        raise _unsupported(subject, "is not a JPEG, PNG or WebP, but something else, perhaps a web page")
    try:
        image = Image.open(BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
        _check_cost(image, data, subject)
        image.load()
    except Image.DecompressionBombError as error:
        raise _too_large(subject, _PIXEL_LIMIT) from error
    except PictureError:
        raise
    except Exception as error:  # Pillow raises nearly anything on hostile bytes
        raise _corrupt(subject) from error
    return image


def _plain(stored: Image.Image, role: Role, subject: str) -> Image.Image:
    try:
        return _upright(_flatten(stored) if role == "model" else _visible(stored), _orientation(stored))
    except Exception as error:  # what Pillow finds only now: a palette that is missing, for one
        raise _corrupt(subject) from error


def _looks_supported(data: bytes) -> bool:
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return is_webp or data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))


def _check_cost(image: Image.Image, data: bytes, subject: str) -> None:
    """Refuse what would take too long or too much memory to decode; `image` has been read as far as its header."""
    # MPO is what many phones save: a JPEG followed by others, of which the first is the photo.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise _unsupported(subject, "is animated")
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(subject, _PIXEL_LIMIT)
    if image.format in ("JPEG", "MPO") and data.count(_START_OF_SCAN) > _MAX_SCANS:
        raise _corrupt(subject)


def _orientation(image: Image.Image) -> Any:
    with suppress(Exception):  # broken metadata does not make the picture unusable
        return image.getexif().get(ExifTags.Base.Orientation)


def _upright(image: Image.Image, orientation: Any) -> Image.Image:
    return image.transpose(_TRANSPOSITIONS[orientation]) if orientation in _TRANSPOSITIONS else image


def _flatten(image: Image.Image) -> Image.Image:
    """Return `image` in RGB, white where it is transparent."""
    visible = _visible(image)
    if visible.mode == "RGB":
        return visible
    flat = Image.new("RGB", visible.size, "white")
    flat.paste(visible, mask=visible.getchannel("A"))
    return flat


def _visible(image: Image.Image) -> Image.Image:
    """Return `image` in RGB, or in RGBA when any of it is transparent. `image` may be changed in place."""
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    colours = _colours(image)
    if alpha and alpha.getextrema() != (255, 255):
        colours.putalpha(alpha)
    return colours


def _colours(image: Image.Image) -> Image.Image:
    """Return `image` in sRGB, without transparency; through its ICC profile when it has one that works."""
    opaque = _without_alpha(image)
    profile = image.info.get("icc_profile")
    if profile:
        with suppress(ImageCms.PyCMSError, OSError):  # browsers, too, ignore a broken profile
            source, srgb = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
            in_place = opaque.mode == "RGB"
            converted = ImageCms.profileToProfile(opaque, source, srgb, outputMode="RGB", inPlace=in_place)
            return converted or opaque
    return opaque if opaque.mode == "RGB" else opaque.convert("RGB")


def _without_alpha(image: Image.Image) -> Image.Image:
    """Return the colours of `image` in a mode that ICC profiles are made for: grey, RGB or CMYK, of 8 bits."""
    if image.mode.startswith("I"):
        # Pillow would clip 16 bits to 8, not scale them.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("1", "LA"):
        return image.convert("L")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _encode(image: Image.Image, content_type: str) -> Picture:
    image.info.clear()  # Pillow would save comments and profiles from there
    file = BytesIO()
    if content_type == "image/png":
        image.save(file, "PNG", compress_level=3)
    else:
        image.save(file, "JPEG", quality=95, subsampling="4:4:4")
    return Picture(file.getvalue(), content_type, image.width, image.height)
