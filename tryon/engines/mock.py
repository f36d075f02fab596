"""The engine of test mode: a composite that nobody takes for a try-on, made here in milliseconds."""

import io
import math

from PIL import Image, ImageDraw, ImageFont, ImageOps

from tryon.engines.base import Engine, EngineError, Picture, TryOn, decoding

_MARK = "TEST"
_GARMENT_SHARE = 0.4  # of the photo's width and height, at most
_MARK_SHARE = 0.6  # of the longest text that fits along the diagonal
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


class MockEngine(Engine):
    """Shows the person's photo in its own size, with the garment framed in a corner and TEST across it.

    The same pictures give the same bytes; PNG if the photo is PNG, else JPEG.
    """

    def __init__(self, *, max_parallel: int = 32) -> None:
        self.max_parallel = max_parallel

    def try_on(self, person: Picture, garment: Picture, *, timeout: float) -> TryOn:
        """Return the composite. It takes no time worth bounding, so `timeout` (seconds) is not looked at.

        Raises `EngineError` (`engine_error`, permanent) when a picture cannot be read.
        """
        with decoding:
            return _composite(person, garment)


def _composite(person: Picture, garment: Picture) -> TryOn:
    canvas = _decoded(person, "person")
    room = (math.ceil(canvas.width * _GARMENT_SHARE), math.ceil(canvas.height * _GARMENT_SHARE))
    _paste_in_corner(canvas, _framed(_decoded(garment, "garment", room), room))
    _mark(canvas)
    data = _encoded(canvas, person.content_type)
    return TryOn(Picture(data, person.content_type, canvas.width, canvas.height))


def _decoded(picture: Picture, role: str, room: tuple[int, int] | None = None) -> Image.Image:
    """Return the picture as RGB or RGBA. `room`: a JPEG may be decoded smaller, as long as it still fills this size."""
    try:
        with Image.open(io.BytesIO(picture.data)) as image:
            if room:
                image.draft("RGB", room)
            return image.convert("RGBA" if image.has_transparency_data else "RGB")
    except _UNREADABLE as error:
        message = f"The picture of the {role} cannot be read. Save it as a JPEG or PNG again."
        raise EngineError("engine_error", message, permanent=True, detail=f"{type(error).__name__}: {error}") from error


def _framed(garment: Image.Image, room: tuple[int, int]) -> Image.Image:
    """Return the garment on a white card with a black edge, no larger than `room`, or 1 pixel."""
    edge = min(room) // 40 + 1
    inner = (max(room[0] - 4 * edge, 1), max(room[1] - 4 * edge, 1))
    small = ImageOps.contain(garment, inner, Image.Resampling.BILINEAR)
    card = Image.new("RGB", small.size, "white")
    card.paste(small, mask=small.getchannel("A") if small.mode == "RGBA" else None)
    return ImageOps.expand(ImageOps.expand(card, edge, "white"), edge, "black")


def _paste_in_corner(canvas: Image.Image, card: Image.Image) -> None:
    margin = min(canvas.size) // 40
    canvas.paste(card, (canvas.width - card.width - margin, canvas.height - card.height - margin))


def _mark(canvas: Image.Image) -> None:
    """Write TEST along the diagonal, white with a black outline so that it shows on any ground.

    Text of height h and length a·h, turned by θ, fits a box if (a·cos θ + sin θ)·h and (a·sin θ + cos θ)·h do.
    """
    angle = math.atan2(canvas.height, canvas.width)
    left, top, right, bottom = ImageFont.load_default(100).getbbox(_MARK)
    aspect = (right - left) / (bottom - top)
    height = _MARK_SHARE * min(
        canvas.width / (aspect * math.cos(angle) + math.sin(angle)),
        canvas.height / (aspect * math.sin(angle) + math.cos(angle)),
    )
    stamp = _stamp(max(round(100 * height / (bottom - top)), 1)).rotate(math.degrees(angle), expand=True)
    corner = ((canvas.width - stamp.width) // 2, (canvas.height - stamp.height) // 2)
    canvas.paste(stamp.convert("RGB"), corner, stamp.getchannel("A"))


def _stamp(size: int) -> Image.Image:
    """Return the word alone, on nothing, in Pillow's own font of `size` pixels."""
    font = ImageFont.load_default(size)
    stroke = size // 16 + 1
    left, top, right, bottom = (round(edge) for edge in font.getbbox(_MARK, stroke_width=stroke))
    stamp = Image.new("RGBA", (right - left, bottom - top))
    ImageDraw.Draw(stamp).text((-left, -top), _MARK, "white", font, stroke_width=stroke, stroke_fill="black")
    return stamp


def _encoded(image: Image.Image, content_type: str) -> bytes:
    encoded = io.BytesIO()
    if content_type == "image/png":
        image.save(encoded, "PNG", compress_level=1)
    else:
        image.convert("RGB").save(encoded, "JPEG", quality=90)
    return encoded.getvalue()
