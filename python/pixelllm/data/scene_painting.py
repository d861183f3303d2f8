"""A layout to pixels: background, objects with anti-aliased edges, grain.

Periods, gradients and grain are relative to the long side, so that a scene painted large and
reduced looks like one painted small.
"""

import numpy as np
from numpy.typing import NDArray

from pixelllm.data.scene_layout import Layout, ObjectPlan
from pixelllm.data.scene_vocabulary import BACKGROUNDS, COLOURS
from pixelllm.data.shapes import REACH, signed_distance

GRAIN_CELLS = 96  # grain per long side: one per pixel at the tiny model's size
STRIPE_PERIOD = (0.052, 0.066)
DOT_PERIOD = (0.056, 0.068)
DOT_RADIUS = 0.31  # of the dots' period

Picture = NDArray[np.float32]


def paint_scene(
    rng: np.random.Generator, layout: Layout, long_side: int
) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Paints the layout.

    Returns:
        uint8[H, W, 3] RGB, max(H, W) == long_side; and int8[H, W], the index in `layout.objects`
        of the object seen at each pixel, -1 for the background.
    """
    height, width = round(layout.height * long_side), round(layout.width * long_side)
    y = (np.arange(height, dtype=np.float32) + 0.5)[:, None] / np.float32(long_side)
    x = (np.arange(width, dtype=np.float32) + 0.5)[None, :] / np.float32(long_side)
    picture = _paint_background(rng, layout, x, y)
    owner = np.full((height, width), -1, dtype=np.int8)
    for index, plan in enumerate(layout.objects):
        _paint_object(rng, plan, index, picture, owner, x, y)
    strength = rng.uniform(1.0, 5.0)
    picture += np.float32(strength) * _noise(rng, layout, picture.shape, GRAIN_CELLS)[..., None]
    return np.clip(picture + 0.5, 0.0, 255.0).astype(np.uint8), owner


def _paint_background(rng: np.random.Generator, layout: Layout, x: Picture, y: Picture) -> Picture:
    """A named colour with a slight gradient, and on it nothing, waves or soft blotches."""
    colour = np.array(BACKGROUNDS[layout.background], np.float32)
    colour = colour + rng.normal(0.0, 6.0, 3).astype(np.float32)
    slope = rng.normal(0.0, 18.0, 2).astype(np.float32)
    light = slope[0] * (x - 0.5) + slope[1] * (y - 0.5)  # [H, W]
    kind = int(rng.integers(3))
    if kind == 1:
        angle, period, phase = rng.uniform((0.0, 0.1, 0.0), (np.pi, 0.45, 6.3))
        along = (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))) / np.float32(period)
        depth = np.float32(rng.uniform(3.0, 9.0))
        light = light + depth * np.sin(np.float32(2 * np.pi) * along + np.float32(phase))
    elif kind == 2:
        cells = int(rng.integers(5, 14))
        depth = np.float32(rng.uniform(4.0, 9.0))
        light = light + depth * _noise(rng, layout, light.shape, cells)
    background: Picture = colour + light[..., None]
    return background


def _paint_object(
    rng: np.random.Generator,
    plan: ObjectPlan,
    index: int,
    picture: Picture,
    owner: NDArray[np.int8],
    x: Picture,
    y: Picture,
) -> None:
    """Blends one object into `picture` and notes it in `owner`, both in place."""
    long_side = np.float32(max(owner.shape))
    reach = plan.radius * REACH + 1.0 / float(long_side)
    rows = slice(*np.searchsorted(y[:, 0], (plan.y - reach, plan.y + reach)))
    columns = slice(*np.searchsorted(x[0], (plan.x - reach, plan.x + reach)))
    u, v = plan.local(x[:, columns], y[rows])
    scale = np.float32(plan.radius) * long_side  # pixels per local unit
    cover = _unit(0.5 - signed_distance(plan.shape, u, v) * scale)
    paint = _object_colours(rng, plan, u, v, float(long_side))
    window = picture[rows, columns]
    window += cover[..., None] * (paint - window)
    owner[rows, columns][cover >= 0.5] = index


def _object_colours(
    rng: np.random.Generator, plan: ObjectPlan, u: Picture, v: Picture, long_side: float
) -> Picture:
    """float32[h, w, 3]: the object's colour, its texture and a shade from the upper left."""
    colour = np.array(COLOURS[plan.colour], np.float32)
    colour = colour + rng.normal(0.0, 7.0, 3).astype(np.float32)
    shade = 1.0 - np.float32(rng.uniform(0.0, 0.1)) * (u + v)
    ink = _ink(rng, plan, u * np.float32(plan.radius), v * np.float32(plan.radius), long_side)
    paint = colour * shade[..., None]
    if ink is None:
        return paint
    return paint + ink[..., None] * (_pattern_colour(colour) - colour)


def _pattern_colour(colour: NDArray[np.float32]) -> NDArray[np.float32]:
    """Darker than a light colour, lighter than a dark one, and of the same hue."""
    if float(colour @ np.array((0.299, 0.587, 0.114), np.float32)) > 92.0:
        return colour * np.float32(0.52)
    return colour + (255.0 - colour) * np.float32(0.48)


def _ink(
    rng: np.random.Generator, plan: ObjectPlan, a: Picture, b: Picture, long_side: float
) -> Picture | None:
    """How much of the pattern's colour, 0-1, lies at local (a, b) in long sides; None if solid."""
    if plan.texture == "striped":
        angle, phase = rng.uniform(0.0, np.pi), rng.uniform(0.0, 2 * np.pi)
        period = rng.uniform(*STRIPE_PERIOD)
        along = a * np.float32(np.cos(angle)) + b * np.float32(np.sin(angle))
        wave = np.sin(along * np.float32(2 * np.pi / period) + np.float32(phase))
        return _unit(0.5 + wave * np.float32(period * long_side / (2 * np.pi)))
    if plan.texture == "dotted":
        period = rng.uniform(*DOT_PERIOD)
        offset = rng.uniform(0.3 * period, 0.7 * period, 2)  # a dot near the middle, always
        da = (a + np.float32(offset[0])) % np.float32(period) - np.float32(period / 2)
        db = (b + np.float32(offset[1])) % np.float32(period) - np.float32(period / 2)
        outside = np.hypot(da, db) - np.float32(DOT_RADIUS * period)
        return _unit(0.5 - outside * np.float32(long_side))
    return None


def _unit(values: Picture) -> Picture:
    clipped: Picture = np.clip(values, 0.0, 1.0)
    return clipped


def _noise(rng: np.random.Generator, layout: Layout, size: tuple[int, ...], cells: int) -> Picture:
    """float32[H, W]: normal noise of `cells` per long side, smooth between its grid points."""
    rows = max(2, round(layout.height * cells))
    columns = max(2, round(layout.width * cells))
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    return _stretch(_stretch(grid, size[0]).T, size[1]).T


def _stretch(grid: Picture, length: int) -> Picture:
    """Linear interpolation along the first axis to `length` pixels, centres aligned."""
    count = grid.shape[0]
    if length == count:
        return grid
    position = (np.arange(length, dtype=np.float32) + 0.5) * np.float32(count / length) - 0.5
    position = np.clip(position, 0.0, count - 1.0)
    low = np.minimum(position.astype(np.intp), count - 2)
    weight = (position - low).astype(np.float32)[:, None]
    stretched: Picture = grid[low] * (1.0 - weight) + grid[low + 1] * weight
    return stretched
