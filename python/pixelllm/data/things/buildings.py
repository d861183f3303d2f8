"""Things that stand where they were built."""

import numpy as np

from pixelllm.data.drawing import (
    Drawing,
    Part,
    arc,
    drawing,
    ellipse,
    polygon,
    rectangle,
    turned,
)
from pixelllm.data.things.kind import Kind
from pixelllm.data.things.paints import DARK, DARK_WOOD, GLASS, IRON, WOOD


def _house(rng: np.random.Generator) -> Drawing:
    wide, eaves, ridge = rng.uniform(0.68, 0.86), rng.uniform(-0.16, 0.0), rng.uniform(-1.0, -0.8)
    door = rng.uniform(-0.34, 0.34) * wide
    chimney = rng.uniform(0.3, 0.5) * wide * rng.choice((-1, 1))
    gable = rng.uniform(0.0, 0.3)  # half of the ridge's length
    parts = [
        Part(rectangle(chimney - 0.09, ridge - 0.02, chimney + 0.09, eaves), IRON),
        Part(rectangle(-wide, eaves - 0.04, wide, 0.84), "coat"),
        Part(
            polygon((-wide - 0.16, eaves), (-gable, ridge), (gable, ridge), (wide + 0.16, eaves)),
            "shade",
        ),
        Part(rectangle(door - 0.13, 0.34, door + 0.13, 0.84), DARK_WOOD),
    ]
    for x in (-0.6 * wide, 0.0, 0.6 * wide):
        if abs(x - door) > 0.34:
            parts.append(Part(rectangle(x - 0.13, 0.18, x + 0.13, 0.46), GLASS))
            parts.append(Part(rectangle(x - 0.02, 0.18, x + 0.02, 0.46), DARK_WOOD))
    return drawing(parts)


def _tent(rng: np.random.Generator) -> Drawing:
    top, wide = rng.uniform(-0.74, -0.56), rng.uniform(0.2, 0.32)
    ridge = rng.uniform(0.2, 0.4)
    parts = [
        Part(polygon((-1.0, 0.6), (-ridge, top), (ridge, top), (-0.32, 0.6)), "coat"),
        Part(polygon((-0.32, 0.6), (ridge, top), (1.0, 0.6)), "shade"),
        Part(polygon((ridge, top + 0.14), (ridge + wide, 0.6), (ridge - wide, 0.6)), DARK),
        Part(polygon((ridge, top), (ridge - wide, 0.6), (ridge - wide - 0.1, 0.6)), "tint"),
    ]
    return drawing(parts)


def _windmill(rng: np.random.Generator) -> Drawing:
    angle, length = rng.uniform(0.35, 1.2), rng.uniform(0.68, 0.78)
    foot, neck = rng.uniform(0.38, 0.46), rng.uniform(0.22, 0.26)
    parts = [
        Part(polygon((-neck, -0.3), (neck, -0.3), (foot, 1.0), (-foot, 1.0)), "coat"),
        Part(arc(0.0, -0.28, neck + 0.05, 0.26, np.pi, 2 * np.pi), "shade"),
        Part(rectangle(-0.1, 0.68, 0.1, 1.0), DARK_WOOD),
        Part(rectangle(-0.07, 0.16, 0.07, 0.36), GLASS),
    ]
    for quarter in range(4):
        turn = angle + quarter * np.pi / 2
        blade = polygon((0.12, -0.05), (length, -0.05), (length, 0.17), (0.12, 0.17))
        spar = rectangle(0.0, -0.05, length + 0.02, 0.03)
        parts.append(Part(turned(blade, turn) + np.array((0, -0.3), np.float32), "tint"))
        parts.append(Part(turned(spar, turn) + np.array((0, -0.3), np.float32), WOOD))
    parts.append(Part(ellipse(0.0, -0.3, 0.09), DARK))
    return drawing(parts)


BUILDINGS = (
    Kind(
        *("house", "houses", _house),
        {"street": "ground", "meadow": "ground"},
        0.05,
    ),
    Kind("tent", "tents", _tent, {"meadow": "ground", "sea": "ground"}, 0.06),
    Kind("windmill", "windmills", _windmill, {"meadow": "ground", "sea": "ground"}, 0.05),
)
