"""Dress a person by hand: `python -m tryon.engines.local PERSON GARMENT OUT`, all three JPEG or PNG files."""

import sys
from pathlib import Path

from PIL import Image

from tryon.engines.base import EngineError, Picture

from .child import make


def _load(path: Path) -> Picture:
    with Image.open(path) as image:
        return Picture(path.read_bytes(), Image.MIME[image.format or "JPEG"], image.width, image.height)


def main() -> None:
    """Read two pictures, write the third, or say why not."""
    person, garment, out = (Path(argument) for argument in sys.argv[1:4])
    try:
        out.write_bytes(make(_load(person), _load(garment)).data)
    except EngineError as error:
        sys.exit(f"{error.code}: {error.message} {error.detail}")


if __name__ == "__main__":
    main()
