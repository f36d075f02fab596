"""Draw a T-shirt lying flat on a light table: a garment picture that belongs to nobody, for demos and tests.

It is drawn with Pillow alone, twice as large as asked for, and made smaller at the end so that its edges are smooth.
All lengths in this file are in the shirt's own units, in which the picture is 900 wide and 1000 high.
"""

import io
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import cos, hypot, pi, sin
from typing import Literal, TypeAlias

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

Colour: TypeAlias = tuple[int, int, int]
Place: TypeAlias = tuple[float, float]
Line: TypeAlias = list[Place]
Sleeves: TypeAlias = Literal["short", "long"]

TEAL: Colour = (35, 98, 112)
_CREAM: Colour = (244, 231, 206)
_SUN: Colour = (236, 140, 72)
_TABLE: Colour = (236, 233, 228)
_WIDTH, _HEIGHT = 900, 1000
_MIDDLE = _WIDTH / 2
_SUPERSAMPLING = 2
_GRAIN_SEED = 7
_GRAIN_TILE = 256

_NECK_HALF, _NECK_TOP, _NECK_FRONT, _NECK_BACK = 92.0, 122.0, 206.0, 140.0
_RIB = 19.0
_TIP = (238.0, 172.0)
_ARMPIT = (226.0, 372.0)
_HEM = (240.0, 908.0)
_CUFFS: dict[Sleeves, tuple[Place, Place]] = {
    "short": ((388.0, 392.0), (292.0, 452.0)),
    "long": ((424.0, 828.0), (352.0, 850.0)),
}
"""The outer and the inner corner of the cuff, from the middle line."""


def draw_shirt(
    width: int = 900, height: int = 1000, *, sleeves: Sleeves = "short", colour: Colour = TEAL, stripes: bool = False
) -> bytes:
    """Return a JPEG of `width` by `height` pixels; the same arguments give the same bytes."""
    canvas = _Canvas(width * _SUPERSAMPLING, height * _SUPERSAMPLING)
    outline = _outline(sleeves)
    shape = canvas.filled(outline)
    picture = _table(canvas, shape)
    picture.paste(_cloth(canvas, colour, stripes, sleeves), (0, 0), shape)
    _draw_neck(canvas, picture, colour)
    small = picture.resize((width, height), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    small.save(data, "JPEG", quality=93, subsampling=0)
    return data.getvalue()


class _Canvas:
    """A raster of some size, on which one draws in the shirt's own units."""

    def __init__(self, width: int, height: int) -> None:
        self.size = width, height
        self.scale = min(width / _WIDTH, height / _HEIGHT)
        self.left = (width - _WIDTH * self.scale) / 2
        self.top = (height - _HEIGHT * self.scale) / 2

    def place(self, line: Sequence[Place]) -> Line:
        """Return the line in pixels."""
        return [(self.left + x * self.scale, self.top + y * self.scale) for x, y in line]

    def filled(self, outline: Sequence[Place]) -> Image.Image:
        """Return a mask of the inside of the outline."""
        mask = Image.new("L", self.size)
        ImageDraw.Draw(mask).polygon(self.place(outline), fill=255)
        return mask

    def strokes(self, lines: Sequence[tuple[Line, float, int]], blur: float) -> Image.Image:
        """Return a mask of blurred strokes, each a line, its width, and its strength from 0 to 255."""
        mask = Image.new("L", self.size)
        for line, width, strength in lines:
            stroke = Image.new("L", self.size)
            ImageDraw.Draw(stroke).line(
                self.place(line), fill=strength, width=max(1, round(width * self.scale)), joint="curve"
            )
            mask = ImageChops.lighter(mask, stroke)
        return self.blurred(mask, blur) if blur else mask

    def blurred(self, image: Image.Image, radius: float) -> Image.Image:
        """Return the image blurred by a radius in the shirt's units."""
        return image.filter(ImageFilter.GaussianBlur(radius * self.scale))


def _curve(start: Place, first: Place, second: Place, end: Place, count: int = 24) -> Line:
    """Return a cubic Bézier curve as a line."""
    line = []
    for step in range(count + 1):
        t = step / count
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        line.append(
            (
                a * start[0] + b * first[0] + c * second[0] + d * end[0],
                a * start[1] + b * first[1] + c * second[1] + d * end[1],
            )
        )
    return line


def _mirrored(line: Sequence[Place]) -> Line:
    return [(_WIDTH - x, y) for x, y in line]


def _right(x: float, y: float) -> Place:
    """Return a place on the right half, from its distance to the middle line."""
    return _MIDDLE + x, y


def _neck(depth: float, half: float = _NECK_HALF, top: float = _NECK_TOP) -> Line:
    """Return a neckline from the left to the right, down to `depth`."""
    right = _curve(_right(0, depth), _right(half * 0.55, depth), _right(half * 0.94, depth - 34), _right(half, top))
    return _mirrored(right)[::-1][:-1] + right


def _outline(sleeves: Sleeves) -> Line:
    """Return the outline of the whole shirt, clockwise from the right end of the back neckline."""
    outer, inner = _CUFFS[sleeves]
    shoulder = _curve(_right(_NECK_HALF, _NECK_TOP), _right(140, 134), _right(190, 150), _right(*_TIP))
    bulge = 30 if sleeves == "short" else 62
    over = _curve(
        _right(*_TIP), _right(_TIP[0] + 48, _TIP[1] + 26), _right(outer[0] - bulge, outer[1] * 0.62), _right(*outer)
    )
    under = _curve(
        _right(*inner),
        _right(inner[0] - 24, inner[1] - (inner[1] - _ARMPIT[1]) * 0.5),
        _right(_ARMPIT[0] + 22, _ARMPIT[1] + 20),
        _right(*_ARMPIT),
    )
    flank = _curve(_right(*_ARMPIT), _right(214, 520), _right(222, 740), _right(*_HEM))
    hem = _curve(_right(*_HEM), _right(120, 921), _right(60, 923), _right(0, 923))
    half = shoulder + over + under + flank + hem
    return _neck(_NECK_BACK)[:-1] + half + _mirrored(half)[::-1]


def _table(canvas: _Canvas, shape: Image.Image) -> Image.Image:
    """Return the table with the soft shadow of what lies on it."""
    light = Image.linear_gradient("L").resize(canvas.size).point(lambda value: 255 - value // 16)
    table = ImageChops.multiply(Image.new("RGB", canvas.size, _TABLE), Image.merge("RGB", (light,) * 3))
    shadow = canvas.blurred(ImageChops.offset(shape, 0, round(7 * canvas.scale)), 9).point(
        lambda value: value * 80 // 255
    )
    table.paste((92, 88, 84), (0, 0), shadow)
    return table


def _cloth(canvas: _Canvas, colour: Colour, stripes: bool, sleeves: Sleeves) -> Image.Image:
    """Return a sheet of cloth with its print, its folds and its seams."""
    cloth = Image.new("RGB", canvas.size, colour)
    if stripes:
        _draw_stripes(canvas, cloth)
    else:
        _draw_motif(canvas, cloth)
    cloth = ImageChops.overlay(cloth, Image.merge("RGB", (_grain(canvas),) * 3))
    dark, light = _folds(sleeves)
    cloth = _shade(cloth, canvas.strokes(dark, 9), 0.58)
    cloth = _shade(cloth, canvas.strokes(light, 8), 1.38)
    cloth = _shade(cloth, canvas.strokes([(_outline(sleeves), 26, 150)], 12), 0.62)
    return _shade(cloth, canvas.strokes(_seams(sleeves), 0.7), 0.55)


def _shade(picture: Image.Image, mask: Image.Image, factor: float) -> Image.Image:
    """Return the picture, made brighter or darker by the factor where the mask is."""
    return Image.composite(ImageEnhance.Brightness(picture).enhance(factor), picture, mask)


def _grain(canvas: _Canvas) -> Image.Image:
    """Return the fine knit of a jersey: noise drawn out along the wales."""
    noise = random.Random(_GRAIN_SEED).randbytes(_GRAIN_TILE * _GRAIN_TILE)  # noqa: S311  (a texture, not a secret)
    tile = Image.frombytes("L", (_GRAIN_TILE, _GRAIN_TILE), noise).resize((_GRAIN_TILE, 3 * _GRAIN_TILE))
    tile = tile.filter(ImageFilter.GaussianBlur(1.1)).point(lambda value: 128 + (value - 128) // 3)
    grain = Image.new("L", canvas.size)
    for x in range(0, canvas.size[0], tile.width):
        for y in range(0, canvas.size[1], tile.height):
            grain.paste(tile, (x, y))
    return grain


def _folds(sleeves: Sleeves) -> tuple[list[tuple[Line, float, int]], list[tuple[Line, float, int]]]:
    """Return the dark and the light strokes of the folds: from the armpits, along the sleeves, over the belly."""
    shapes: list[tuple[Line, float, int]] = [
        (_curve(_right(222, 380), _right(170, 372), _right(120, 402), _right(84, 446)), 13, 120),
        (_curve(_right(216, 402), _right(176, 440), _right(150, 500), _right(146, 560)), 11, 90),
        (_curve(_right(214, 520), _right(186, 600), _right(196, 700), _right(176, 800)), 18, 70),
        (_curve(_right(60, 640), _right(84, 720), _right(70, 800), _right(92, 890)), 16, 60),
        (_curve(_right(-150, 560), _right(-120, 660), _right(-150, 760), _right(-128, 880)), 20, 66),
        (_curve(_right(-222, 380), _right(-176, 366), _right(-128, 392), _right(-74, 424)), 12, 110),
        (_curve(_right(-214, 410), _right(-186, 452), _right(-160, 540), _right(-176, 620)), 12, 84),
        (_curve(_right(-30, 700), _right(-40, 780), _right(-14, 840), _right(-26, 905)), 14, 46),
    ]
    for side in (1, -1):
        for share, strength in ((0.35, 96), (0.72, 74)):
            line = _along_sleeve(sleeves, share)
            shapes.append((line if side > 0 else _mirrored(line), 12, strength))
    light = [([(x + 13, y - 4) for x, y in line], width, strength // 2 + 14) for line, width, strength in shapes]
    return shapes, light


def _along_sleeve(sleeves: Sleeves, share: float) -> Line:
    """Return a line down the right sleeve, at a share of its width from the outer edge."""
    outer, inner = _CUFFS[sleeves]
    start = _right(_TIP[0] + 16, _TIP[1] + (_ARMPIT[1] - _TIP[1]) * (0.25 + 0.6 * share))
    end = _right(outer[0] + (inner[0] - outer[0]) * share - 12, (outer[1] + inner[1]) / 2 - 34)
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    return _curve(start, (middle[0] + 10, middle[1] - 30), (middle[0] - 6, middle[1] + 10), end)


def _seams(sleeves: Sleeves) -> list[tuple[Line, float, int]]:
    """Return the stitched lines: the armholes, and two rows along the hem and the cuffs."""
    armhole = _curve(_right(*_TIP), _right(214, 236), _right(206, 320), _right(*_ARMPIT))
    hem = _curve(_right(-_HEM[0], _HEM[1] - 20), _right(-80, 904), _right(80, 904), _right(_HEM[0], _HEM[1] - 20))
    outer, inner = _CUFFS[sleeves]
    away = (18.0 if sleeves == "short" else 40.0) / hypot(outer[0] - inner[0], outer[1] - inner[1])
    shift = (inner[1] - outer[1]) * away, (outer[0] - inner[0]) * away
    cuff = [_right(x - shift[0], y - shift[1]) for x, y in (outer, inner)]
    lines = [armhole, _mirrored(armhole), hem, [(x, y + 5) for x, y in hem], cuff, _mirrored(cuff)]
    return [(line, 2.2, 190) for line in lines]


def _draw_motif(canvas: _Canvas, cloth: Image.Image) -> None:
    """Print a sun that sets behind two lines of waves."""
    sun = Image.new("L", canvas.size)
    draw = ImageDraw.Draw(sun)
    (left, top), (right, bottom) = canvas.place([_right(-72, 318), _right(72, 462)])
    draw.ellipse((left, top, right, bottom), fill=235)
    for index in range(4):
        band = canvas.place([_right(-80, 398 + 16 * index), _right(80, 402 + 16 * index + 2 * index)])
        draw.rectangle((*band[0], *band[1]), fill=0)
    draw.rectangle((*canvas.place([_right(-80, 452)])[0], *canvas.place([_right(80, 470)])[0]), fill=0)
    cloth.paste(_SUN, (0, 0), sun)
    waves = [(_wave(466 + 18 * row, 96 - 14 * row), 6.0, 235) for row in range(3)]
    cloth.paste(_CREAM, (0, 0), canvas.strokes(waves, 0.5))


def _wave(level: float, half: float) -> Line:
    return [_right(half * (t / 30 - 1), level + 5 * sin(t * pi / 5)) for t in range(61)]


def _draw_stripes(canvas: _Canvas, cloth: Image.Image) -> None:
    draw = ImageDraw.Draw(cloth)
    for level in range(150, 920, 76):
        (_, top), (_, bottom) = canvas.place([(0, level), (0, level + 26)])
        draw.rectangle((0, top, canvas.size[0], bottom), fill=_CREAM)


def _draw_neck(canvas: _Canvas, picture: Image.Image, colour: Colour) -> None:
    """Draw the inside of the back, its label, and the ribbed collar around the opening."""
    opening = _neck(_NECK_FRONT)
    inside = canvas.filled(_neck(_NECK_BACK) + opening[::-1])
    back = _shade(Image.new("RGB", canvas.size, _toned(colour, 0.66)), canvas.strokes([(opening, 20, 200)], 10), 0.6)
    (left, top), (right, bottom) = canvas.place([_right(-20, _NECK_BACK + 14), _right(20, _NECK_BACK + 38)])
    ImageDraw.Draw(back).rectangle((left, top, right, bottom), fill=_CREAM)
    picture.paste(back, (0, 0), inside)
    _draw_rib(canvas, picture, _neck(_NECK_BACK), lambda share: (0.0, _RIB * 0.75), _toned(colour, 0.84))
    _draw_rib(canvas, picture, opening, lambda share: _outwards(share, _RIB), _toned(colour, 0.97))


def _draw_rib(
    canvas: _Canvas, picture: Image.Image, line: Line, reach: Callable[[float], Place], colour: Colour
) -> None:
    """Draw a ribbed band along a line; `reach` says how far it extends at each share of the line."""
    count = len(line) - 1
    edge = []
    for index, (x, y) in enumerate(line):
        dx, dy = reach(index / count)
        edge.append((x + dx, y + dy))
    band = canvas.filled(line + edge[::-1])
    rib = Image.new("RGB", canvas.size, colour)
    ribs = [([a, b], 1.6, 150) for a, b in zip(_denser(line), _denser(edge), strict=True)]
    rib = _shade(rib, canvas.strokes(ribs, 0.5), 0.72)
    rib = _shade(rib, canvas.strokes([(edge, 3.2, 220), (line, 2.6, 170)], 1.2), 0.6)
    picture.paste(rib, (0, 0), band)


def _outwards(share: float, width: float) -> Place:
    """Return the way out of the neck opening at a share of its curve from the left to the right."""
    angle = pi * (1 - share)
    return width * cos(angle), width * (0.25 + 0.75 * sin(angle))


def _denser(line: Line) -> Line:
    """Return the line with three more points in each step."""
    found = []
    for (ax, ay), (bx, by) in pairwise(line):
        found += [(ax + (bx - ax) * t / 3, ay + (by - ay) * t / 3) for t in range(3)]
    return found


def _toned(colour: Colour, factor: float) -> Colour:
    red, green, blue = (round(min(255, value * factor)) for value in colour)
    return red, green, blue
