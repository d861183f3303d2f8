"""Drawings: things made of filled polygons, at any size.

Points are float32[n, 2], x to the right and y down. A family of things (`things/`) builds its
parts in any convenient unit; `drawing` then centres and scales them. Angles are in radians, 0 to
the right, and grow clockwise, as they look with y down.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Outline: TypeAlias = NDArray[np.float32]
Colour: TypeAlias = tuple[int, int, int]
Paint: TypeAlias = Literal["coat", "shade", "tint"] | Colour


@dataclass(frozen=True, eq=False)
class Part:
    """One filled polygon of a drawing.

    outline: float32[n, 2], (x right, y down). paint: "coat" (the thing's named colour and its
    texture), "shade" (the coat, darker), "tint" (the coat, lighter), or a fixed (r, g, b).
    """

    outline: Outline
    paint: Paint


@dataclass(frozen=True, eq=False)
class Drawing:
    """A thing's parts, first to last painted.

    Its bounding box is centred on (0, 0) and its longer side runs from -1 to 1, so that the larger
    of `half_width` and `half_height` is 1.
    """

    parts: tuple[Part, ...]
    half_width: float
    half_height: float

    def placed(
        self, x: float, y: float, radius: float, *, mirrored: bool = False, rotation: float = 0.0
    ) -> list[Outline]:
        """Outlines of all parts, float32[n, 2], in the units of x, y and radius.

        The drawing is mirrored (left to right) first, then turned clockwise, then moved.
        """
        cos, sin = np.cos(rotation) * radius, np.sin(rotation) * radius
        flip = -1.0 if mirrored else 1.0
        matrix = np.array(((cos * flip, sin * flip), (-sin, cos)), np.float32)
        centre = np.array((x, y), np.float32)
        return [part.outline @ matrix + centre for part in self.parts]


def drawing(parts: Iterable[Part]) -> Drawing:
    """Centres and scales parts of any unit. Raises ValueError where there is nothing to draw."""
    kept = tuple(parts)
    if not kept:
        raise ValueError("a drawing needs at least one part")
    points = np.concatenate([part.outline for part in kept])
    low, high = points.min(axis=0), points.max(axis=0)
    centre, half = (low + high) / 2, (high - low) / 2
    scale = np.float32(half.max())
    if not (np.isfinite(scale) and scale > 0):
        raise ValueError("a drawing's parts must be finite and have an extent")
    scaled = tuple(Part((part.outline - centre) / scale, part.paint) for part in kept)
    return Drawing(scaled, float(half[0] / scale), float(half[1] / scale))


def polygon(*points: tuple[float, float]) -> Outline:
    """The polygon through (x, y) points."""
    return np.array(points, np.float32)


def rectangle(x0: float, y0: float, x1: float, y1: float) -> Outline:
    """The rectangle between two corners."""
    return np.array(((x0, y0), (x1, y0), (x1, y1), (x0, y1)), np.float32)


def rounded(x0: float, y0: float, x1: float, y1: float, corner: float) -> Outline:
    """The rectangle between two corners, its own corners rounded by this radius."""
    corner = min(corner, (x1 - x0) / 2, (y1 - y0) / 2)
    angles = np.linspace(0.0, np.pi / 2, 5)
    quarter = corner * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    middles = np.array(
        (
            (x1 - corner, y1 - corner),
            (x0 + corner, y1 - corner),
            (x0 + corner, y0 + corner),
            (x1 - corner, y0 + corner),
        )
    )
    turned = [quarter @ _turn(k * np.pi / 2) + middle for k, middle in enumerate(middles)]
    return np.concatenate(turned).astype(np.float32)


def ellipse(x: float, y: float, rx: float, ry: float | None = None, turn: float = 0.0) -> Outline:
    """The ellipse around (x, y) of these radii, a circle with one, turned clockwise."""
    return arc(x, y, rx, ry, 0.0, 2 * np.pi, turn)[:-1]


def arc(
    x: float,
    y: float,
    rx: float,
    ry: float | None = None,
    start: float = 0.0,
    end: float = np.pi,
    turn: float = 0.0,
) -> Outline:
    """Points along an ellipse from one angle to another: closed by its chord, a segment.

    From 0 to pi it is the lower half, from pi to 2 pi the upper.
    """
    count = max(4, int(abs(end - start) * 24 / (2 * np.pi)) + 1)
    angles = start + (end - start) / (count - 1) * np.arange(count)
    points = np.empty((count, 2), np.float32)
    points[:, 0] = rx * np.cos(angles)
    points[:, 1] = (rx if ry is None else ry) * np.sin(angles)
    if turn:
        points = points @ _turn(turn)
    points += (x, y)
    return points


def star(x: float, y: float, outer: float, inner: float, tips: int, turn: float = 0.0) -> Outline:
    """A regular star; with turn 0 a tip points up."""
    angles = np.arange(2 * tips) * (np.pi / tips) - np.pi / 2 + turn
    radii = np.where(np.arange(2 * tips) % 2 == 0, outer, inner)
    points = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
    return moved(points.astype(np.float32), x, y)


def smooth(*points: tuple[float, float], steps: int = 5) -> Outline:
    """The closed smooth curve through points: Catmull-Rom splines of `steps` points each."""
    path = np.array((points[-1], *points, points[0], points[1]), np.float32)
    return _catmull_rom(path, steps)


def stroke(
    points: Sequence[tuple[float, float]], width: float, end_width: float | None = None
) -> Outline:
    """A thick line along points, `width` across at the first and `end_width` at the last."""
    path = np.array(points, np.float32)
    return _thicken(path, width, end_width)


def bow(
    points: Sequence[tuple[float, float]], width: float, end_width: float | None = None
) -> Outline:
    """A thick smooth curve through points, such as a tail or a handle."""
    path = np.array((points[0], *points, points[-1]), np.float32)
    return _thicken(np.concatenate([_catmull_rom(path, 5), path[-1:]]), width, end_width)


def ring(
    x: float, y: float, rx: float, ry: float, width: float, start: float = 0.0, end: float = 6.2832
) -> Outline:
    """A band of this width around an ellipse, all round or between two angles."""
    outer = arc(x, y, rx, ry, start, end)
    inner = arc(x, y, rx - width, ry - width, end, start)
    return np.concatenate([outer, inner])


def moved(outline: Outline, dx: float, dy: float) -> Outline:
    """The outline, shifted."""
    shifted: Outline = outline + np.array((dx, dy), np.float32)
    return shifted


def turned(outline: Outline, angle: float, x: float = 0.0, y: float = 0.0) -> Outline:
    """The outline, turned clockwise around (x, y)."""
    return moved(moved(outline, -x, -y) @ _turn(angle), x, y)


def flipped(outline: Outline, x: float = 0.0) -> Outline:
    """The outline, mirrored at the upright line through x."""
    return moved(outline * np.array((-1.0, 1.0), np.float32), 2 * x, 0.0)


def _turn(angle: float) -> NDArray[np.float32]:
    """The matrix that turns row vectors clockwise (y down)."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array(((cos, sin), (-sin, cos)), np.float32)


def _catmull_rom(path: Outline, steps: int) -> Outline:
    """The curve from the second point of a path (included) to the last but one (excluded)."""
    windows = np.stack([path[:-3], path[1:-2], path[2:-1], path[3:]], axis=1)  # [n, 4, 2]
    curve: Outline = _spline_weights(steps) @ windows
    return curve.reshape(-1, 2)


@cache
def _spline_weights(steps: int) -> Outline:
    """float32[steps, 4]: how much of four points in a row makes each point between the middle two.

    Catmull and Rom, "A class of local interpolating splines", 1974, with tension 1/2.
    """
    t = (np.arange(steps) / steps)[:, None]
    powers = np.concatenate([np.ones_like(t), t, t**2, t**3], axis=1)
    basis = ((0, 2, 0, 0), (-1, 0, 1, 0), (2, -5, 4, -1), (-1, 3, -3, 1))
    weights: Outline = (powers @ np.array(basis) / 2).astype(np.float32)
    return weights


def _thicken(path: Outline, width: float, end_width: float | None) -> Outline:
    step = path[1:] - path[:-1]
    along = np.concatenate([step[:1], step[1:] + step[:-1], step[-1:]])
    half = np.linspace(width / 2, (width if end_width is None else end_width) / 2, len(path))
    scale = half / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    side = along[:, ::-1] * np.array((-1.0, 1.0), np.float32) * scale[:, None].astype(np.float32)
    return np.concatenate([path + side, (path - side)[::-1]], dtype=np.float32)
