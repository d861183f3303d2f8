"""A layout to pixels: the backdrop, things with their shadows, light, grain.

Everything is painted with hard edges on a canvas a few times as fine as the picture and averaged.
Lengths, gradients and grain are relative to the long side, so that a scene painted large and
reduced looks like one painted small.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from pixelllm.data.backdrops import Stage, paint_backdrop
from pixelllm.data.scene_layout import Layout, ThingPlan
from pixelllm.data.thing_painting import Canvas, paint_thing
from pixelllm.data.things import ALL_KINDS, shore

FINE_SIDE = 384  # the canvas is at least about as fine as this
GRAIN_CELLS = 96  # grain per long side
BLUR = 0.0045  # largest radius, in long sides

Picture = NDArray[np.float32]


def paint_scene(
    rng: np.random.Generator, layout: Layout, long_side: int
) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Paints the layout.

    Returns:
        uint8[H, W, 3] RGB, max(H, W) == long_side; and int8[H, W], the index in `layout.things`
        of the thing seen at each pixel, -1 for the background.
    """
    height, width = round(layout.height * long_side), round(layout.width * long_side)
    fine = 3 if long_side * 3 <= FINE_SIDE else 2
    size = (width * fine, height * fine)
    canvas = Canvas(Image.new("RGB", size), Image.new("L", size), float(long_side * fine))
    _paint_backdrop(rng, layout, canvas)
    for index, plan in enumerate(layout.things):
        _paint_shadow(rng, layout, plan, canvas)
        paint_thing(rng, canvas, plan, index)
    picture = canvas.picture.reduce(fine)
    softness = rng.uniform(-0.7, 1.0) * BLUR * long_side
    if softness > 0.0:
        picture = picture.filter(ImageFilter.GaussianBlur(softness))
    owner = np.asarray(canvas.owner)[fine // 2 :: fine, fine // 2 :: fine].astype(np.int8) - 1
    return _light(rng, layout, np.asarray(picture), owner), owner


def _paint_backdrop(rng: np.random.Generator, layout: Layout, canvas: Canvas) -> None:
    stage = Stage(
        *(canvas.picture, ImageDraw.Draw(canvas.picture), canvas.unit),
        *(layout.width, layout.height, layout.horizon),
        shore=shore(layout.horizon, layout.height) if _has_beach(layout) else None,
    )
    paint_backdrop(rng, stage, layout.setting)


def _has_beach(layout: Layout) -> bool:
    return layout.setting == "sea" and any(
        ALL_KINDS[plan.kind].place.get("sea") == "ground" for plan in layout.things
    )


def _paint_shadow(
    rng: np.random.Generator, layout: Layout, plan: ThingPlan, canvas: Canvas
) -> None:
    """A soft dark patch at the foot of what stands or swims."""
    if ALL_KINDS[plan.kind].place.get(layout.setting) == "air":
        return
    wide = plan.drawing.half_width * plan.radius * 1.12
    x, y = plan.x, plan.y + plan.drawing.half_height * plan.radius * 0.96
    flat = min(wide * 0.22, 0.03)
    box = [round(v * canvas.unit) for v in (x - wide, y - flat, x + wide, y + flat)]
    patch = _SHADOW.resize((max(1, box[2] - box[0]), max(1, box[3] - box[1])))
    patch = patch.point(_SHADOW_LEVELS[int(rng.integers(len(_SHADOW_LEVELS)))])
    canvas.picture.paste((24, 26, 34), (box[0], box[1]), patch)


def _soft_disc(side: int) -> Image.Image:
    """255 in the middle, falling to 0 at the rim."""
    line = (np.arange(side) + 0.5) / side * 2 - 1
    inside = np.clip(1.25 * (1.0 - line[None, :] ** 2 - line[:, None] ** 2), 0.0, 1.0)
    return Image.fromarray((inside * 255).astype(np.uint8))


_SHADOW = _soft_disc(48)
_SHADOW_LEVELS = tuple([round(v * depth) for v in range(256)] for depth in (0.25, 0.35, 0.45))


def _light(
    rng: np.random.Generator, layout: Layout, picture: NDArray[np.uint8], owner: NDArray[np.int8]
) -> NDArray[np.uint8]:
    """Brightness, warmth and a gradient over all, blotches on the background, and grain."""
    height, width = owner.shape
    warmth = rng.uniform(-0.035, 0.035)
    tint = np.array((1.0 + warmth, 1.0, 1.0 - warmth), np.float32) * rng.uniform(0.94, 1.1)
    slope = rng.normal(0.0, 0.05, 2).astype(np.float32)
    y = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None] * np.float32(layout.height)
    x = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :] * np.float32(layout.width)
    light = 1.0 + slope[0] * x + slope[1] * y
    blotches = _noise(rng, layout, owner.shape, int(rng.integers(6, 16)))
    light += (np.float32(rng.uniform(0.0, 0.035)) * blotches) * (owner < 0)
    lit = picture * (light[..., None] * tint.astype(np.float32))
    strength = np.float32(rng.uniform(1.0, 5.0))
    lit += (strength * _noise(rng, layout, owner.shape, GRAIN_CELLS))[..., None]
    pixels: NDArray[np.uint8] = np.clip(lit + np.float32(0.5), 0.0, 255.0).astype(np.uint8)
    return pixels


def _noise(rng: np.random.Generator, layout: Layout, size: tuple[int, ...], cells: int) -> Picture:
    """float32[H, W]: normal noise of `cells` per long side, smooth between its grid points."""
    rows = max(2, round(layout.height * cells))
    columns = max(2, round(layout.width * cells))
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    field = Image.fromarray(grid).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(field)
