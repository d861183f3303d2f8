"""Things that grow."""

import numpy as np

from pixelllm.data.drawing import (
    Drawing,
    Part,
    arc,
    bow,
    drawing,
    ellipse,
    polygon,
    rounded,
    smooth,
    stroke,
)
from pixelllm.data.things.kind import Kind
from pixelllm.data.things.paints import CLAY, CREAM, LEAF, WOOD


def _tree(rng: np.random.Generator) -> Drawing:
    trunk = rng.uniform(0.1, 0.15)
    stem = polygon((-trunk, 0.0), (trunk, 0.0), (trunk * 1.5, 1.0), (-trunk * 1.5, 1.0))
    crown = _conifer(rng) if rng.random() < 0.3 else _round_crown(rng)
    return drawing([Part(stem, WOOD), *crown])


def _round_crown(rng: np.random.Generator) -> list[Part]:
    parts = [Part(stroke(((0.0, 0.5), (0.34, 0.1)), 0.1), WOOD)]
    for x, y in ((-0.44, -0.1), (0.44, -0.1), (-0.26, -0.5), (0.28, -0.5)):
        dx, dy, radius = rng.uniform((-0.07, -0.07, 0.3), (0.07, 0.07, 0.42))
        parts.append(Part(ellipse(x + dx, y + dy, radius), "coat"))
    parts.append(Part(ellipse(0.0, -0.32, 0.5), "coat"))
    parts.append(Part(arc(rng.uniform(-0.3, -0.1), -0.36, 0.26, 0.24, 3.4, 6.0), "tint"))
    parts.append(Part(arc(rng.uniform(0.1, 0.3), 0.0, 0.28, 0.18, 0.1, 2.9), "shade"))
    return parts


def _conifer(rng: np.random.Generator) -> list[Part]:
    """Three tiers, each in the shade of the one above."""
    wide = rng.uniform(0.56, 0.7)
    parts = []
    for tier in (2, 1, 0):
        top, foot, half = -1.0 + 0.42 * tier, -0.3 + 0.46 * tier, wide * (0.62 + 0.19 * tier)
        parts.append(Part(polygon((0.0, top), (half, foot), (-half, foot)), "coat"))
        if tier:
            band = polygon((-half * 0.5, foot - 0.36), (half * 0.5, foot - 0.36), (0.0, foot - 0.2))
            parts.append(Part(band, "shade"))
    return parts


def _flower(rng: np.random.Generator) -> Drawing:
    count, centre = int(rng.integers(5, 8)), rng.uniform(0.15, 0.19)
    petal, turn = rng.uniform(0.22, 0.26), rng.uniform(0.0, 1.2)
    y = -0.42
    parts = [
        Part(bow(((0.0, y), (rng.uniform(-0.06, 0.06), 0.3), (0.0, 1.0)), 0.09), LEAF),
        Part(smooth((0.0, 0.74), (0.16, 0.44), (0.46, 0.36), (0.32, 0.66)), LEAF),
        Part(smooth((0.0, 0.86), (-0.16, 0.56), (-0.44, 0.5), (-0.3, 0.8)), LEAF),
    ]
    for index in range(count):
        angle = turn + index * 2 * np.pi / count
        x, out = 0.34 * np.cos(angle), y + 0.34 * np.sin(angle)
        width = min(petal, 0.42 * np.pi * 0.7 / count * 1.5)
        parts.append(Part(ellipse(x, out, 0.29, width, angle), "coat"))
    parts.append(Part(ellipse(0.0, y, centre + 0.05), "shade"))
    parts.append(Part(ellipse(0.0, y, centre), (120, 78, 40)))
    return drawing(parts)


def _mushroom(rng: np.random.Generator) -> Drawing:
    high, stem = rng.uniform(0.8, 0.98), rng.uniform(0.2, 0.27)
    foot = rng.uniform(0.74, 0.86)
    parts = [
        Part(
            smooth(
                (-stem, 0.0),
                (stem, 0.0),
                (stem * 1.3, foot),
                (0.0, foot + 0.06),
                (-stem * 1.3, foot),
            ),
            CREAM,
        ),
        Part(ellipse(0.0, 0.06, 0.86, 0.16), "shade"),
        Part(
            smooth(
                *((-0.98, 0.06), (-0.82, -0.42 * high), (-0.4, -0.86 * high), (0.0, -high)),
                *((0.4, -0.86 * high), (0.82, -0.42 * high), (0.98, 0.06), (0.5, 0.1), (-0.5, 0.1)),
            ),
            "coat",
        ),
        Part(
            smooth((-0.7, -0.3), (-0.44, -0.6 * high), (-0.2, -0.76 * high), (-0.4, -0.4)), "tint"
        ),
    ]
    return drawing(parts)


def _cactus(rng: np.random.Generator) -> Drawing:
    girth, left, right = rng.uniform(0.2, 0.24), rng.uniform(-0.2, 0.1), rng.uniform(-0.3, 0.0)
    pot = rng.uniform(0.3, 0.36)
    arm = 0.2
    parts = [
        Part(
            bow(((0.0, left + 0.2), (-0.4, left + 0.2), (-0.52, left), (-0.52, left - 0.3)), arm),
            "coat",
        ),
        Part(
            bow(((0.0, right + 0.2), (0.4, right + 0.2), (0.52, right), (0.52, right - 0.34)), arm),
            "coat",
        ),
        Part(ellipse(-0.52, left - 0.3, arm / 2), "coat"),
        Part(ellipse(0.52, right - 0.34, arm / 2), "coat"),
        Part(rounded(-girth, -1.0, girth, 0.7, girth), "coat"),
        Part(stroke(((-girth * 0.4, -0.8), (-girth * 0.4, 0.6)), 0.05), "shade"),
        Part(stroke(((girth * 0.4, -0.8), (girth * 0.4, 0.6)), 0.05), "shade"),
        Part(polygon((-pot, 0.62), (pot, 0.62), (pot * 0.76, 1.0), (-pot * 0.76, 1.0)), CLAY),
        Part(rounded(-pot - 0.05, 0.56, pot + 0.05, 0.7, 0.03), (170, 96, 64)),
    ]
    return drawing(parts)


PLANTS = (
    Kind("tree", "trees", _tree, {"street": "ground", "meadow": "ground"}, 0.06, shelter=True),
    Kind("flower", "flowers", _flower, {"meadow": "ground", "street": "ground"}, 0.15),
    Kind("mushroom", "mushrooms", _mushroom, {"meadow": "ground"}, 0.12),
    Kind(
        "cactus", "cactuses", _cactus, {"room": "ground", "street": "ground"}, 0.06, portable=True
    ),
)
