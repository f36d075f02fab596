"""Between encoded pictures and arrays: decode the inputs, mark and encode the preview."""

import io
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from tryon.engines.base import Picture

from .arrays import Mask, Rgb

SOFTWARE: Final = "Zupertry preview"
_MARK: Final = "Preview"
_MARK_HEIGHT = 0.022
"""Size of the letters in shares of the picture's shorter side: legible, and no more."""
_LEAST_MARK = 11
_QUALITY = 95
_PNG_LEVEL = 1
"""Deflate level: higher ones take several seconds longer for a 40-megapixel photo, and save little."""
_JPEG_SOFTWARE_TAG = 0x0131

# The caller has checked the size of every picture; Pillow's own limit would only get in the way.
Image.MAX_IMAGE_PIXELS = None


def decode(picture: Picture) -> tuple[Rgb, Mask | None]:
    """Return the picture's colours and, if it has one, its alpha channel from 0 to 1."""
    with Image.open(io.BytesIO(picture.data)) as image:
        if "A" in image.getbands() or "transparency" in image.info:
            rgba = np.asarray(image.convert("RGBA"))
            return np.ascontiguousarray(rgba[..., :3]), rgba[..., 3].astype(np.float32) / np.float32(255)
        return np.asarray(image.convert("RGB")), None


def encode(rgb: Rgb, content_type: str) -> Picture:
    """Return the marked picture as PNG where `content_type` is image/png, else as JPEG, named as a preview inside."""
    image = Image.fromarray(rgb)
    _mark(image)
    data = io.BytesIO()
    if content_type == "image/png":
        info = PngImagePlugin.PngInfo()
        info.add_text("Software", SOFTWARE)
        image.save(data, "PNG", pnginfo=info, compress_level=_PNG_LEVEL)
    else:
        content_type = "image/jpeg"
        exif = Image.Exif()
        exif[_JPEG_SOFTWARE_TAG] = SOFTWARE
        image.save(data, "JPEG", quality=_QUALITY, subsampling=0, exif=exif, comment=SOFTWARE)
    return Picture(data.getvalue(), content_type, image.width, image.height)


def _mark(image: Image.Image) -> None:
    """Write "Preview" into the lower right corner, white on a dark tab, both half transparent."""
    size = max(_LEAST_MARK, round(_MARK_HEIGHT * min(image.size)))
    font = ImageFont.load_default(size)
    left, top, right, bottom = font.getbbox(_MARK)
    pad = size // 2
    width, height = int(right - left) + 2 * pad, int(bottom - top) + pad + pad // 2
    tab = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(tab)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), radius=height // 2, fill=(20, 20, 24, 110))
    draw.text((pad - left, (height - (bottom - top)) / 2 - top), _MARK, font=font, fill=(255, 255, 255, 225))
    corner = image.width - width - pad, image.height - height - pad
    image.paste(tab, corner, tab)
