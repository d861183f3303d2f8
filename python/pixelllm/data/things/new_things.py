"""Things that the shipped model was never shown, for teaching it new names (docs/training.md).

They are drawn as all others are, but only where they are asked for: neither the scenes that `tiny`
learns from nor its tokenizer have them.
"""

import numpy as np

from pixelllm.data.drawing import Drawing, Part, arc, drawing, ellipse, polygon, rectangle, rounded
from pixelllm.data.things.kind import Kind, Place
from pixelllm.data.things.paints import CREAM, DARK, IRON, LIGHT, PALE, STEEL

ANYWHERE: dict[str, Place] = {
    "street": "ground",
    "meadow": "ground",
    "sea": "ground",
    "room": "ground",
}


def _robot(rng: np.random.Generator) -> Drawing:
    wide, head = rng.uniform(0.4, 0.5), rng.uniform(0.28, 0.36)
    arm, lift = rng.uniform(0.5, 0.62), rng.uniform(-0.3, 0.3)
    parts = [
        Part(rectangle(-0.03, -1.0, 0.03, -0.7), IRON),
        Part(ellipse(0.0, -0.96, 0.08), LIGHT),
        *(Part(rectangle(x - 0.1, 0.5, x + 0.1, 0.96), IRON) for x in (-0.22, 0.22)),
        *(Part(rounded(x - 0.17, 0.86, x + 0.17, 1.0, 0.05), "shade") for x in (-0.24, 0.24)),
        *(
            Part(
                polygon(
                    *((side * wide, -0.16), (side * wide, 0.06)),
                    *((side * (wide + 0.26), arm + lift), (side * (wide + 0.4), arm - 0.1 + lift)),
                ),
                "shade",
            )
            for side in (-1.0, 1.0)
        ),
        Part(rounded(-wide, -0.22, wide, 0.56, 0.06), "coat"),
        Part(rectangle(-wide * 0.6, 0.0, wide * 0.6, 0.3), STEEL),
        *(Part(ellipse(x, 0.15, 0.07), DARK) for x in (-0.14, 0.14)),
        Part(rounded(-head, -0.76, head, -0.26, 0.06), "coat"),
        *(Part(rectangle(x - 0.09, -0.62, x + 0.09, -0.48), LIGHT) for x in (-0.15, 0.15)),
        Part(rectangle(-head * 0.6, -0.4, head * 0.6, -0.34), DARK),
    ]
    return drawing(parts)


def _lantern(rng: np.random.Generator) -> Drawing:
    wide, high = rng.uniform(0.42, 0.54), rng.uniform(0.48, 0.58)
    parts = [
        Part(arc(0.0, -high - 0.1, 0.3, 0.36, np.pi, 2 * np.pi), DARK),
        Part(arc(0.0, -high - 0.1, 0.21, 0.27, np.pi, 2 * np.pi), CREAM),
        Part(
            polygon((-0.2, -high - 0.2), (0.2, -high - 0.2), (wide, -high), (-wide, -high)), "coat"
        ),
        Part(rectangle(-wide * 0.86, -high, wide * 0.86, high), LIGHT),
        Part(polygon((0.0, -high * 0.4), (0.16, high * 0.5), (-0.16, high * 0.5)), (240, 130, 40)),
        *(
            Part(rectangle(x - 0.08, -high, x + 0.08, high), "coat")
            for x in (-wide * 0.86, wide * 0.86)
        ),
        Part(rectangle(-wide, high * 0.5, wide, high), "coat"),
        Part(rounded(-wide - 0.1, high, wide + 0.1, high + 0.2, 0.05), "shade"),
    ]
    return drawing(parts)


def _drum(rng: np.random.Generator) -> Drawing:
    high, flat = rng.uniform(0.5, 0.66), rng.uniform(0.2, 0.26)
    teeth = 4
    step = 1.8 / teeth
    ropes = [
        polygon(
            *((-0.9 + step * k, -high + 0.1), (-0.9 + step * (k + 0.5), high + 0.04)),
            *((-0.9 + step * (k + 1), -high + 0.1), (-0.9 + step * (k + 0.5), high - 0.1)),
        )
        for k in range(teeth)
    ]
    parts = [
        Part(arc(0.0, high, 0.95, flat, 0.0, np.pi), "shade"),
        Part(rectangle(-0.95, -high, 0.95, high), "coat"),
        *(Part(rope, PALE) for rope in ropes),
        Part(ellipse(0.0, -high, 1.0, flat + 0.04), "shade"),
        Part(ellipse(0.0, -high, 0.9, flat), CREAM),
    ]
    return drawing(parts)


NEW_THINGS = (
    Kind("robot", "robots", _robot, ANYWHERE, 0.08),
    Kind("lantern", "lanterns", _lantern, ANYWHERE, 0.1, portable=True),
    Kind("drum", "drums", _drum, ANYWHERE, 0.12, portable=True),
)
