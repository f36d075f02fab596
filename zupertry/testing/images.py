"""Small encoded pictures, made with Pillow."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import ExifTags, Image

RED = (200, 30, 40)
BLUE = (20, 60, 200)


def jpeg(width: int = 60, height: int = 80, colour: tuple[int, int, int] = RED, **options: Any) -> bytes:
    """Return a JPEG of one colour; `options` are Pillow's for saving, such as `exif` or `icc_profile`."""
    return encoded(Image.new("RGB", (width, height), colour), "JPEG", **options)


def png(width: int = 60, height: int = 80, colour: tuple[int, ...] = RED, **options: Any) -> bytes:
    """Return a PNG of one colour, with alpha when `colour` has four parts."""
    return encoded(Image.new("RGBA" if len(colour) == 4 else "RGB", (width, height), colour), "PNG", **options)


def webp(width: int = 60, height: int = 80, colour: tuple[int, ...] = RED, **options: Any) -> bytes:
    """Return a lossless WebP of one colour, with alpha when `colour` has four parts."""
    image = Image.new("RGBA" if len(colour) == 4 else "RGB", (width, height), colour)
    return encoded(image, "WEBP", lossless=True, **options)


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """Return `image` as the bytes of a file."""
    file = BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def halves(width: int = 60, height: int = 80) -> Image.Image:
    """Return a picture that is red in its upper and blue in its lower half, to tell which way is up."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width, height // 2))
    return image


def orientation(value: int) -> Image.Exif:
    """Return EXIF data with that orientation (1 to 8), an author and a place."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = value
    exif[ExifTags.Base.Artist] = "Alice"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return exif


def raw_png(
    width: int, height: int, *, depth: int = 8, colour_type: int = 2, pixels: bytes = b"", before: bytes = b""
) -> bytes:
    """Return a PNG put together by hand, with whatever contradictions (https://www.w3.org/TR/png-3/).

    `pixels` are the rows with their filter bytes; `before` are chunks that stand before them.
    """
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + png_chunk(b"IDAT", zlib.compress(pixels)) + png_chunk(b"IEND")


def png_chunk(kind: bytes, data: bytes = b"") -> bytes:
    """Return a chunk of a PNG with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
