"""One thing's drawing to pixels: its colours, its texture and a thin dark line around it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

from pixelllm.data.drawing import Drawing
from pixelllm.data.scene_vocabulary import COLOURS

LINE = 0.0045  # width of the line around a thing, in long sides of the image
STRIPE_PERIOD = (0.05, 0.066)  # long sides
STRIPE_SHARE = 0.42  # of the period is ink
DOT_PERIOD = (0.054, 0.066)
DOT_RADIUS = 0.3  # of the dots' period

# What a pixel of a thing shows, as an index into its palette.
_NOTHING, _EDGE, _FIRST_COAT, _FIRST_INKED, _FIRST_FIXED = 0, 1, 2, 5, 8
_COATS = {"coat": 0, "shade": 1, "tint": 2}


class Paintable(Protocol):
    """What must be known of a thing to paint it; x, y and radius in long sides of the image."""

    @property
    def colour(self) -> str: ...
    @property
    def texture(self) -> str: ...
    @property
    def drawing(self) -> Drawing: ...
    @property
    def x(self) -> float: ...
    @property
    def y(self) -> float: ...
    @property
    def radius(self) -> float: ...
    @property
    def mirrored(self) -> bool: ...
    @property
    def rotation(self) -> float: ...


@dataclass(frozen=True, eq=False)
class Canvas:
    """A picture in the making: RGB, and who owns each pixel (0 the background, else index + 1).

    unit: pixels of the canvas per long side of the image.
    """

    picture: Image.Image
    owner: Image.Image
    unit: float


def paint_thing(rng: np.random.Generator, canvas: Canvas, thing: Paintable, index: int) -> None:
    """Paints the thing onto the canvas, which it owns from then on where it is seen."""
    unit = canvas.unit
    outlines = thing.drawing.placed(
        *(thing.x * unit, thing.y * unit, thing.radius * unit),
        mirrored=thing.mirrored,
        rotation=thing.rotation,
    )
    line = max(1, round(LINE * unit))
    points = np.concatenate(outlines)
    corner = np.floor(points.min(axis=0)).astype(int) - line - 1
    size = np.ceil(points.max(axis=0)).astype(int) + line + 2 - corner
    layer = Image.new("L", (int(size[0]), int(size[1])), _NOTHING)
    pen = ImageDraw.Draw(layer)
    shift = np.float32(0.5) - corner.astype(np.float32)  # the pen cuts fractions off
    paths = [(outline + shift).ravel().tolist() for outline in outlines]
    for path in paths:
        pen.line([*path, *path[:4]], _EDGE, 2 * line + 1)
    fixed: dict[object, int] = {}
    for path, part in zip(paths, thing.drawing.parts, strict=True):
        if isinstance(part.paint, str):
            value = _FIRST_COAT + _COATS[part.paint]
        else:
            value = fixed.setdefault(part.paint, _FIRST_FIXED + len(fixed))
        pen.polygon(path, value)
    ink = _ink(rng, thing, corner, size, unit)
    if ink is not None:
        shown = np.asarray(layer)
        coat = (shown >= _FIRST_COAT) & (shown < _FIRST_INKED)
        layer = Image.fromarray(shown + np.uint8(_FIRST_INKED - _FIRST_COAT) * (coat & ink))
    mask = layer.point(_IS_SEEN)
    layer.putpalette(_palette(rng, thing.colour, tuple(fixed)).tobytes())
    shading = _SHADINGS[int(rng.integers(len(_SHADINGS)))].resize(layer.size, _BILINEAR)
    at = (int(corner[0]), int(corner[1]))
    canvas.picture.paste(ImageChops.multiply(layer.convert("RGB"), shading), at, mask)
    canvas.owner.paste(index + 1, (*at, at[0] + layer.width, at[1] + layer.height), mask)


_IS_SEEN = [0] + [255] * 255
_BILINEAR = Image.Resampling.BILINEAR


def _shading(depth: float) -> Image.Image:
    """Light from the upper left: a factor, 255 for one, that falls by `depth` to the other end."""
    fall = np.array(((0.0, 0.45), (0.55, 1.0))) * depth
    level = (255.5 - 255.0 * fall).astype(np.uint8)
    return Image.fromarray(np.repeat(level[..., None], 3, axis=2))


_SHADINGS = tuple(_shading(depth) for depth in (0.03, 0.07, 0.11, 0.15))


def _palette(rng: np.random.Generator, colour: str, fixed: tuple[object, ...]) -> NDArray[np.uint8]:
    """uint8[n, 3]: the colours of a thing's pixels."""
    coat = np.array(COLOURS[colour], np.float32)
    jitter = rng.uniform(-9.0, 9.0) + rng.uniform(-5.0, 5.0, 3)  # more of light than of hue
    coat = coat + jitter.astype(np.float32)
    dark = float(coat @ _LUMA) < 60.0
    edge = coat * 0.5 + 42.0 if dark else coat * 0.3
    shade = coat * np.array(_SHADES.get(colour, (0.8, 0.8, 0.8)), np.float32)
    coats = np.stack([coat, shade, coat + (255.0 - coat) * np.float32(0.16 if dark else 0.26)])
    rows = [np.zeros((1, 3)), edge[None], coats, np.stack([_ink_colour(c) for c in coats])]
    if fixed:
        rows.append(np.array(fixed, np.float32))
    return np.clip(np.concatenate(rows) + 0.5, 0.0, 255.0).astype(np.uint8)


# Yellow is darkened towards gold: plainly darker, it is a green.
_SHADES = {"yellow": (0.92, 0.77, 0.5), "black": (0.6, 0.6, 0.6)}
_LUMA = np.array((0.299, 0.587, 0.114), np.float32)


def _ink_colour(coat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Darker than a light colour, lighter than a dark one, and of the same hue."""
    if float(coat @ _LUMA) > 92.0:
        return coat * np.float32(0.6)
    return coat + (255.0 - coat) * np.float32(0.44)


def _ink(
    rng: np.random.Generator,
    thing: Paintable,
    corner: NDArray[np.int_],
    size: NDArray[np.int_],
    unit: float,
) -> NDArray[np.bool_] | None:
    """bool[h, w]: where the pattern of a textured thing has its own colour; None if plain."""
    if thing.texture == "solid":
        return None
    start = (corner + 0.5) / unit - (thing.x, thing.y)
    x = (start[0] + np.arange(size[0]) / unit).astype(np.float32)[None, :]
    y = (start[1] + np.arange(size[1]) / unit).astype(np.float32)[:, None]
    if thing.texture == "striped":
        angle, phase = rng.uniform(0.0, np.pi), rng.uniform(0.0, 1.0)
        period = rng.uniform(*STRIPE_PERIOD)
        along = x * np.float32(np.cos(angle) / period) + y * np.float32(np.sin(angle) / period)
        stripes: NDArray[np.bool_] = (along + np.float32(phase)) % np.float32(1.0) < STRIPE_SHARE
        return stripes
    period = rng.uniform(*DOT_PERIOD)
    offset = rng.uniform(0.3, 0.7, 2)  # a dot near the middle, always
    # Every second row of dots is shifted by half a period.
    row = y / np.float32(period) + np.float32(offset[1])
    column = x / np.float32(period) + np.float32(offset[0])
    column = column + np.float32(0.5) * (np.floor(row) % 2)
    across, down = column % 1 - np.float32(0.5), row % 1 - np.float32(0.5)
    dots: NDArray[np.bool_] = across * across + down * down < DOT_RADIUS**2
    return dots
