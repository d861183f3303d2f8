"""Signed distances to the eight shapes, for edges that are smooth at any resolution.

Each function takes local coordinates, u to the right and v down, in units of the object's radius,
and returns the signed distance to the outline in the same unit, negative inside. Distances are
exact next to the straight and round parts of the outline and a lower bound around sharp corners,
which is all that a one-pixel edge needs. Every shape lies within REACH of its centre.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]

REACH = 1.17  # radii: the square's corners


def _circle(u: Field, v: Field) -> Field:
    distance: Field = np.hypot(u, v) - np.float32(0.97)
    return distance


def _square(u: Field, v: Field) -> Field:
    distance: Field = np.maximum(np.abs(u), np.abs(v)) - np.float32(0.82)
    return distance


def _triangle(u: Field, v: Field) -> Field:
    """A tip at the top (0, -0.98) and a base from (-0.86, 0.62) to (0.86, 0.62)."""
    flank = (1.6 * np.abs(u) - 0.86 * (v + 0.98)) / float(np.hypot(1.6, 0.86))
    distance: Field = np.maximum(v - 0.62, flank)
    return distance


def _star(u: Field, v: Field) -> Field:
    """Five tips at radius 1, notches at radius 0.45: one edge, mirrored into ten sectors."""
    sector = np.float32(np.pi / 5)
    angle = np.arctan2(u, -v)  # 0 at the upper tip
    fold = np.abs(angle - 2 * sector * np.round(angle / (2 * sector)))  # 0 at a tip
    radius = np.hypot(u, v)
    x, y = radius * np.cos(fold), radius * np.sin(fold)
    edge_x, edge_y = 0.45 * np.cos(sector) - np.float32(1.0), 0.45 * np.sin(sector)
    distance: Field = ((x - 1.0) * edge_y - y * edge_x) / np.float32(np.hypot(edge_x, edge_y))
    return distance


def _cross(u: Field, v: Field) -> Field:
    u, v = np.abs(u), np.abs(v)
    distance: Field = np.minimum(np.maximum(u - 0.32, v - 0.96), np.maximum(v - 0.32, u - 0.96))
    return distance


def _ring(u: Field, v: Field) -> Field:
    distance: Field = np.abs(np.hypot(u, v) - np.float32(0.74)) - np.float32(0.24)
    return distance


def _diamond(u: Field, v: Field) -> Field:
    """A tall rhombus: narrow enough that no rotation makes it a square."""
    width = 0.7
    distance: Field = (np.abs(u) + width * np.abs(v) - width) / float(np.hypot(1.0, width))
    return distance


def _heart(u: Field, v: Field) -> Field:
    """Inigo Quilez's heart (iquilezles.org, "2D distance functions"), centred and scaled."""
    scale = 0.62
    x: Field = np.abs(u) * scale
    y: Field = 0.55 - v * scale
    lobe: Field = np.hypot(x - 0.25, y - 0.75) - float(np.sqrt(2.0)) / 4.0
    along: Field = 0.5 * np.maximum(x + y, 0.0)
    near = np.minimum(np.hypot(x, y - 1.0), np.hypot(x - along, y - along))
    flank: Field = near * np.sign(x - y)
    distance: Field = np.where(x + y > 1.0, lobe, flank) / scale
    return distance


_DISTANCES: dict[str, Callable[[Field, Field], Field]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "ring": _ring,
    "diamond": _diamond,
    "heart": _heart,
}


def signed_distance(
    shape: str, u: NDArray[np.float32], v: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Distance to the shape's outline, negative inside, in units of its radius.

    Args:
        shape: one of `scene_vocabulary.SHAPES`.
        u, v: float32, of shapes that broadcast; local coordinates, to the right and down.
    """
    return np.asarray(_DISTANCES[shape](u, v), dtype=np.float32)
