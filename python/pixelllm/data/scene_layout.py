"""Which objects a scene has and where: everything about it but its pixels.

Lengths are in units of the image's long side, so that a layout looks the same at any resolution.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelllm.data.scene_vocabulary import (
    BACKGROUNDS,
    COLOURS,
    HELD_OUT_PAIRS,
    SHAPES,
    SIZES,
    TEXTURES,
)
from pixelllm.data.shapes import REACH, signed_distance

RADII = {"small": (0.075, 0.108), "large": (0.15, 0.21)}  # half of the extent; no size between
MIN_VISIBLE = 0.6  # of an object's area, however many lie on top of it
NEAREST = 0.75  # least distance of two centres, in sums of their radii
NEAREST_SAME_COLOUR = 1.05  # objects of one colour must not melt into one outline
MAX_ROTATION = 0.35  # radians, about 20 degrees: a square stays a square
ALIKE = 0.35  # chance that a new object takes the shape of an earlier one
EDGE = 1.07  # least distance of a centre from the image's edge, in radii: nothing is cut off
TRIES = 12  # places tried for one object before it is made small, and again before it is left out
_GRID = 18  # points per side of the grid that measures how much of an object is visible


@dataclass(frozen=True, eq=False)
class ObjectPlan:
    """One object: what it is, and its circle in the image. Later plans lie on top of earlier."""

    shape: str
    colour: str
    texture: str
    size: str
    x: float
    y: float
    radius: float
    rotation: float  # radians, clockwise

    def local(
        self, x: NDArray[np.float32], y: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Image coordinates (long sides) to the shape's own (u, v), in radii."""
        cos, sin = np.float32(np.cos(self.rotation)), np.float32(np.sin(self.rotation))
        dx = (x - np.float32(self.x)) / np.float32(self.radius)
        dy = (y - np.float32(self.y)) / np.float32(self.radius)
        return dx * cos + dy * sin, dy * cos - dx * sin

    def holds(self, points: NDArray[np.float32]) -> NDArray[np.bool_]:
        """bool[n]: which of points float32[n, 2] lie inside the shape."""
        return signed_distance(self.shape, *self.local(points[:, 0], points[:, 1])) < 0.0


@dataclass(frozen=True, eq=False)
class Layout:
    """A frame of width x height (the longer is 1), a background by name, and objects."""

    width: float
    height: float
    background: str
    objects: tuple[ObjectPlan, ...]


def plan_scene(rng: np.random.Generator, max_objects: int, held_out: bool) -> Layout:
    """A random scene of 1 to max_objects objects.

    With `held_out`, the first object and about half of the others have a colour-shape pair of
    HELD_OUT_PAIRS; without, none has.
    """
    width, height = _frame(rng)
    background = _pick(rng, tuple(BACKGROUNDS))
    wanted = int(rng.integers(1, max_objects + 1))
    plans: list[ObjectPlan] = []
    visible: list[tuple[NDArray[np.float32], int]] = []  # of each plan: points seen, points in all
    for _ in range(wanted):
        shape, colour = _pair(rng, plans, held_out)
        texture = _pick(rng, TEXTURES) if rng.random() < 0.6 else "solid"
        size = _pick(rng, SIZES)
        sizes = [size] * TRIES + ["small"] * TRIES
        for attempt in sizes:
            plan = _place(rng, (shape, colour, texture, attempt), width, height)
            seen = _seen_under(plan, plans, visible)
            if seen is not None:
                plans.append(plan)
                own = _points_inside(plan)
                visible = [*seen, (own, len(own))]
                break
    return Layout(width, height, background, tuple(plans))


def _frame(rng: np.random.Generator) -> tuple[float, float]:
    """Width and height: 30 % square, 30 % nearly so, the rest up to 2 to 1, upright or not."""
    kind = rng.random()
    short = 1.0 if kind < 0.3 else rng.uniform(0.85, 1.0) if kind < 0.6 else rng.uniform(0.5, 0.85)
    return (1.0, short) if rng.random() < 0.5 else (short, 1.0)


def _pick(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    return names[int(rng.integers(len(names)))]


def _pair(rng: np.random.Generator, plans: list[ObjectPlan], held_out: bool) -> tuple[str, str]:
    """A shape and a colour; a shape that the scene has already is likelier than another."""
    use_held_out = held_out and (not plans or rng.random() < 0.5)
    shape = _pick(rng, SHAPES)
    if plans and rng.random() < ALIKE:
        shape = plans[int(rng.integers(len(plans)))].shape
    colours = tuple(c for c in COLOURS if ((c, shape) in HELD_OUT_PAIRS) == use_held_out)
    return shape, _pick(rng, colours)


def _place(
    rng: np.random.Generator, traits: tuple[str, str, str, str], width: float, height: float
) -> ObjectPlan:
    shape, colour, texture, size = traits
    radius = rng.uniform(*RADII[size])
    return ObjectPlan(
        *(shape, colour, texture, size),
        x=rng.uniform(EDGE * radius, width - EDGE * radius),
        y=rng.uniform(EDGE * radius, height - EDGE * radius),
        radius=radius,
        rotation=rng.uniform(-MAX_ROTATION, MAX_ROTATION),
    )


def _points_inside(plan: ObjectPlan) -> NDArray[np.float32]:
    """float32[n, 2]: a grid of points inside the shape, to measure its visible area by."""
    line = np.linspace(-1.0, 1.0, _GRID, dtype=np.float32) * np.float32(plan.radius)
    x, y = np.meshgrid(line + np.float32(plan.x), line + np.float32(plan.y))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    return points[plan.holds(points)]


def _seen_under(
    plan: ObjectPlan, below: list[ObjectPlan], visible: list[tuple[NDArray[np.float32], int]]
) -> list[tuple[NDArray[np.float32], int]] | None:
    """What is still seen of each object below with `plan` on top; None where `plan` may not be."""
    gaps = [float(np.hypot(plan.x - o.x, plan.y - o.y)) / (plan.radius + o.radius) for o in below]
    for other, gap in zip(below, gaps, strict=True):
        nearest = NEAREST_SAME_COLOUR if other.colour == plan.colour else NEAREST
        if gap < nearest:
            return None
    left: list[tuple[NDArray[np.float32], int]] = []
    for (points, total), gap in zip(visible, gaps, strict=True):
        seen = points[~plan.holds(points)] if gap < REACH else points
        if len(seen) < MIN_VISIBLE * total:
            return None
        left.append((seen, total))
    return left
