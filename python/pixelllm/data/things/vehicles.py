"""Things that drive, sail and fly. All are seen from the side and head to the right."""

import numpy as np

from pixelllm.data.drawing import (
    Drawing,
    Outline,
    Part,
    drawing,
    ellipse,
    polygon,
    rectangle,
    ring,
    rounded,
    smooth,
    stroke,
)
from pixelllm.data.things.kind import Kind
from pixelllm.data.things.paints import DARK, DARK_WOOD, GLASS, IRON, LIGHT, STEEL, WOOD


def _car(rng: np.random.Generator) -> Drawing:
    roof, wheel = rng.uniform(-0.62, -0.52), rng.uniform(0.19, 0.22)
    back, front = rng.uniform(-0.86, -0.66), rng.uniform(0.5, 0.66)
    left, right = back + rng.uniform(0.12, 0.24), front - rng.uniform(0.24, 0.36)
    pillar = (left + right) / 2 + rng.uniform(-0.04, 0.06)
    parts = [
        Part(rounded(-1.0, -0.16, 1.0, 0.32, 0.16), "coat"),
        Part(polygon((back, -0.1), (left, roof), (right, roof), (front, -0.1)), "coat"),
        Part(rectangle(-0.94, 0.2, 0.94, 0.32), "shade"),
        Part(
            polygon(
                *((back + 0.16, -0.14), (left + 0.06, roof + 0.12)),
                *((pillar - 0.06, roof + 0.12), (pillar - 0.06, -0.14)),
            ),
            GLASS,
        ),
        Part(
            polygon(
                *((pillar + 0.06, -0.14), (pillar + 0.06, roof + 0.12)),
                *((right - 0.04, roof + 0.12), (front - 0.18, -0.14)),
            ),
            GLASS,
        ),
        Part(ellipse(0.9, 0.0, 0.07, 0.06), LIGHT),
    ]
    for x in (-0.56, 0.56):
        parts += _wheel(x, 0.32, wheel)
    return drawing(parts)


def _bus(rng: np.random.Generator) -> Drawing:
    roof, count = rng.uniform(-0.74, -0.6), int(rng.integers(3, 6))
    parts = [
        Part(rounded(-1.0, roof, 1.0, 0.38, 0.14), "coat"),
        Part(rectangle(-1.0, 0.22, 1.0, 0.3), "shade"),
        Part(rounded(0.7, roof + 0.14, 0.9, 0.34, 0.03), GLASS),  # the door
    ]
    step = 1.5 / count
    for column in range(count):
        x = -0.9 + column * step
        parts.append(Part(rounded(x, roof + 0.14, x + step - 0.12, -0.2, 0.05), GLASS))
    for x in (-0.58, 0.4):
        parts += _wheel(x, 0.4, rng.uniform(0.18, 0.21))
    return drawing(parts)


def _truck(rng: np.random.Generator) -> Drawing:
    box, cab = rng.uniform(-0.72, -0.58), rng.uniform(-0.36, -0.2)
    parts = [
        Part(rectangle(-0.95, 0.24, 0.95, 0.38), IRON),
        Part(rectangle(-1.0, box, 0.36, 0.28), "coat"),
        Part(rectangle(-1.0, 0.16, 0.36, 0.28), "shade"),
        Part(
            polygon((0.44, cab), (0.78, cab), (0.95, 0.0), (1.0, 0.06), (1.0, 0.36), (0.44, 0.36)),
            "coat",
        ),
        Part(
            polygon((0.54, cab + 0.09), (0.74, cab + 0.09), (0.86, 0.02), (0.54, 0.02)),
            GLASS,
        ),
        Part(ellipse(0.95, 0.2, 0.05, 0.06), LIGHT),
    ]
    for x in (-0.7, -0.28, 0.68):
        parts += _wheel(x, 0.4, rng.uniform(0.17, 0.2))
    return drawing(parts)


def _bicycle(rng: np.random.Generator) -> Drawing:
    wheel, width = rng.uniform(0.42, 0.47), rng.uniform(0.1, 0.13)
    saddle = (rng.uniform(-0.3, -0.2), rng.uniform(-0.5, -0.42))
    crank, head = (rng.uniform(-0.12, -0.04), 0.24), (0.36, rng.uniform(-0.5, -0.4))
    parts = [Part(ring(x, 0.26, wheel, wheel, width), "coat") for x in (-0.54, 0.54)]
    for start, end in (
        ((-0.54, 0.26), crank),
        (crank, head),
        ((-0.54, 0.26), saddle),
        (crank, saddle),
        ((saddle[0] + 0.04, saddle[1] + 0.12), (head[0], head[1] + 0.1)),
        ((0.54, 0.26), (head[0] - 0.04, head[1] - 0.12)),
    ):
        parts.append(Part(stroke((start, end), 0.11), "shade"))
    parts += [
        Part(rounded(saddle[0] - 0.17, saddle[1] - 0.1, saddle[0] + 0.15, saddle[1], 0.05), DARK),
        Part(
            stroke(((head[0] - 0.12, head[1] - 0.14), (head[0] + 0.16, head[1] - 0.2)), 0.1), DARK
        ),
        Part(ellipse(*crank, 0.11), DARK),
    ]
    return drawing(parts)


def _boat(rng: np.random.Generator) -> Drawing:
    mast, top = rng.uniform(-0.08, 0.1), rng.uniform(-1.05, -0.9)
    rail = rng.uniform(0.34, 0.42)
    parts = [
        Part(rectangle(mast - 0.03, top, mast + 0.03, rail), DARK_WOOD),
        Part(_sail(mast + 0.06, top + 0.08, mast + rng.uniform(0.5, 0.66), rail - 0.1), "coat"),
        Part(_sail(mast - 0.06, top + 0.2, mast - rng.uniform(0.44, 0.58), rail - 0.1), "tint"),
        Part(
            smooth((-0.9, rail), (0.0, rail), (0.95, rail - 0.06), (0.62, 0.82), (-0.62, 0.82)),
            "coat",
        ),
        Part(
            polygon((-0.82, rail + 0.22), (0.84, rail + 0.2), (0.76, 0.66), (-0.74, 0.66)), "shade"
        ),
    ]
    return drawing(parts)


def _sail(mast: float, top: float, out: float, foot: float) -> Outline:
    belly = (mast + out) / 2 + (out - mast) * 0.16
    return np.concatenate(
        [
            polygon((mast, foot), (mast, top)),
            polygon((belly, top + (foot - top) * 0.48), (out, foot)),
        ]
    )


def _plane(rng: np.random.Generator) -> Drawing:
    girth, sweep = rng.uniform(0.17, 0.21), rng.uniform(0.28, 0.4)
    parts = [
        Part(polygon((0.3, -0.1), (0.02, -0.1), (-0.26, -0.5), (-0.1, -0.5)), "shade"),
        Part(polygon((-0.62, -0.06), (-0.92, -0.56), (-0.72, -0.56), (-0.36, -0.06)), "coat"),
        Part(
            smooth(
                *((-0.96, -0.12), (-0.5, -girth), (0.5, -girth), (0.88, -0.1)),
                *((1.0, 0.03), (0.86, 0.14), (0.4, girth), (-0.4, girth)),
            ),
            "coat",
        ),
        Part(polygon((0.34, 0.05), (-0.02, 0.05), (-sweep, 0.62), (-sweep + 0.2, 0.62)), "shade"),
        Part(polygon((-0.62, 0.0), (-0.84, 0.0), (-1.0, 0.2), (-0.86, 0.2)), "shade"),
        Part(polygon((0.66, -0.12), (0.82, -0.1), (0.88, 0.0), (0.66, 0.0)), GLASS),
    ]
    parts += [Part(ellipse(x, -0.05, 0.045), GLASS) for x in np.linspace(-0.4, 0.46, 5)]
    return drawing(parts)


def _rocket(rng: np.random.Generator) -> Drawing:
    girth, foot = rng.uniform(0.26, 0.33), 0.7
    fin = girth + rng.uniform(0.24, 0.34)
    parts = [
        Part(polygon((-girth, 0.2), (-fin, 0.62), (-fin, 0.95), (-girth * 0.6, 0.7)), "shade"),
        Part(polygon((girth, 0.2), (fin, 0.62), (fin, 0.95), (girth * 0.6, 0.7)), "shade"),
        Part(polygon((-0.16, foot), (0.16, foot), (0.22, 0.84), (-0.22, 0.84)), IRON),
        Part(
            smooth(
                *((0.0, -1.0), (girth * 0.7, -0.56), (girth, -0.05), (girth * 0.72, foot)),
                *((0.0, foot + 0.03), (-girth * 0.72, foot), (-girth, -0.05)),
                (-girth * 0.7, -0.56),
            ),
            "coat",
        ),
        Part(polygon((-girth * 0.66, -0.55), (0.0, -1.0), (girth * 0.66, -0.55)), "shade"),
        Part(ellipse(0.0, -0.14, girth * 0.58), IRON),
        Part(ellipse(0.0, -0.14, girth * 0.42), GLASS),
        Part(stroke(((0.0, 0.3), (0.0, 0.9)), 0.1), "shade"),
    ]
    return drawing(parts)


def _balloon(rng: np.random.Generator) -> Drawing:
    wide, basket = rng.uniform(0.66, 0.78), rng.uniform(0.16, 0.2)
    envelope = smooth(
        *((0.0, -1.0), (wide * 0.74, -0.76), (wide, -0.28), (wide * 0.66, 0.2), (0.2, 0.52)),
        *((-0.2, 0.52), (-wide * 0.66, 0.2), (-wide, -0.28), (-wide * 0.74, -0.76)),
    )
    gore = envelope * np.array((0.42, 0.985), np.float32)
    parts = [
        Part(stroke(((-0.16, 0.5), (-basket, 0.8)), 0.04), DARK_WOOD),
        Part(stroke(((0.16, 0.5), (basket, 0.8)), 0.04), DARK_WOOD),
        Part(envelope, "coat"),
        Part(gore, "tint" if rng.random() < 0.5 else "shade"),
        Part(envelope * np.array((0.14, 0.97), np.float32), "coat"),
        Part(rounded(-basket, 0.76, basket, 1.0, 0.04), WOOD),
    ]
    return drawing(parts)


def _wheel(x: float, y: float, radius: float) -> list[Part]:
    return [Part(ellipse(x, y, radius), DARK), Part(ellipse(x, y, radius * 0.45), STEEL)]


VEHICLES = (
    Kind("car", "cars", _car, {"street": "ground", "meadow": "ground"}, 0.06),
    Kind("bus", "buses", _bus, {"street": "ground"}, 0.06),
    Kind("truck", "trucks", _truck, {"street": "ground", "meadow": "ground"}, 0.06),
    Kind("bicycle", "bicycles", _bicycle, {"street": "ground", "meadow": "ground"}, 0.1),
    Kind("boat", "boats", _boat, {"sea": "water"}, 0.15),
    Kind("plane", "planes", _plane, {"street": "air", "meadow": "air", "sea": "air"}, 0.35),
    Kind(
        *("rocket", "rockets", _rocket),
        {"meadow": "air", "sea": "air", "room": "ground"},
        0.2,
        portable=True,
    ),
    Kind("balloon", "balloons", _balloon, {"street": "air", "meadow": "air", "sea": "air"}, 0.12),
)
