"""The array types the stages hand to one another."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Rgb: TypeAlias = NDArray[np.uint8]
"""A picture, (height, width, 3), 8-bit RGB."""

Field: TypeAlias = NDArray[np.floating[Any]]
"""One number (or one short vector) per pixel, (height, width) or (height, width, n); single precision by habit."""

Mask: TypeAlias = NDArray[np.floating[Any]]
"""A soft mask, (height, width), from 0 (out) to 1 (in)."""

Bits: TypeAlias = NDArray[np.bool_]
"""A hard mask, (height, width)."""

Point: TypeAlias = NDArray[np.float64]
"""One position or direction, (x, y) in pixels; y grows downwards."""

Points: TypeAlias = NDArray[np.float64]
"""A polyline, (n, 2), rows of (x, y) in pixels."""
