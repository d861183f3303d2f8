"""Animals, seen from the side and looking to the right where they have a side."""

import numpy as np

from pixelllm.data.drawing import (
    Drawing,
    Part,
    arc,
    bow,
    drawing,
    ellipse,
    flipped,
    polygon,
    ring,
    rounded,
    smooth,
    stroke,
)
from pixelllm.data.things.kind import Kind
from pixelllm.data.things.paints import BEAK, DARK, GLASS, PALE, SKIN


def _eye(x: float, y: float, size: float = 0.09) -> list[Part]:
    return [Part(ellipse(x, y, size), PALE), Part(ellipse(x + size * 0.2, y, size * 0.6), DARK)]


def _fish(rng: np.random.Generator) -> Drawing:
    deep, fork = rng.uniform(0.4, 0.56), rng.uniform(0.3, 0.46)
    parts = [
        Part(polygon((-0.4, 0.0), (-1.0, -fork), (-0.84, 0.0), (-1.0, fork)), "shade"),
        Part(smooth((-0.2, -deep * 0.8), (0.0, -deep - 0.2), (0.4, -deep * 0.8)), "shade"),
        Part(
            smooth(
                *((-0.6, 0.0), (-0.2, -deep * 0.78), (0.3, -deep), (0.78, -deep * 0.5)),
                *((1.0, 0.04), (0.76, deep * 0.56), (0.3, deep), (-0.2, deep * 0.78)),
            ),
            "coat",
        ),
        Part(polygon((0.1, 0.08), (-0.26, 0.3), (-0.14, 0.02)), "shade"),
        Part(ring(0.2, 0.0, 0.36, deep * 0.8, 0.06, -1.0, 1.0), "shade"),
        *_eye(0.74, -0.1, 0.1),
    ]
    return drawing(parts)


def _bird(rng: np.random.Generator) -> Drawing:
    lift, wide = rng.uniform(0.74, 0.95), rng.uniform(0.22, 0.28)
    parts = [
        Part(smooth((0.3, 0.0), (0.34, -lift * 0.8), (0.14, -lift), (-0.06, -0.1)), "shade"),
        Part(polygon((-0.4, 0.12), (-1.0, -0.06), (-0.96, 0.12), (-1.0, 0.3)), "shade"),
        Part(
            smooth(
                *((-0.66, 0.1), (-0.1, -wide), (0.5, -0.2), (0.78, -0.16)),
                *((0.82, 0.06), (0.5, 0.26), (0.0, wide + 0.1), (-0.4, 0.24)),
            ),
            "coat",
        ),
        Part(polygon((0.78, -0.1), (1.02, 0.0), (0.78, 0.08)), BEAK),
        Part(
            smooth(
                *((0.3, 0.06), (0.08, -lift * 0.5), (-0.4, -lift)),
                *((-0.5, -lift * 0.7), (-0.36, -0.2), (-0.16, 0.1)),
            ),
            "coat",
        ),
        Part(stroke(((0.1, 0.02), (-0.34, -lift * 0.72)), 0.08), "shade"),
        Part(ellipse(0.62, -0.04, 0.06), DARK),
    ]
    return drawing(parts)


def _cat(rng: np.random.Generator) -> Drawing:
    head, ear = rng.uniform(0.34, 0.4), rng.uniform(0.3, 0.38)
    belly, tail = rng.uniform(0.42, 0.5), rng.uniform(-0.2, 0.1)
    y = -0.42
    parts = [
        Part(bow(((0.3, 0.9), (0.7, 0.84), (0.84, 0.4), (0.74, tail)), 0.2, 0.16), "shade"),
        Part(
            smooth(
                (-0.26, -0.3),
                (0.26, -0.3),
                (belly, 0.5),
                (belly, 0.96),
                (-belly, 0.96),
                (-belly, 0.5),
            ),
            "coat",
        ),
        Part(stroke(((0.0, 0.5), (0.0, 1.0)), 0.05), "shade"),
        *(
            Part(outline, "coat")
            for outline in _pair(
                polygon((-head, y - 0.06), (-head * 0.92, y - ear - 0.24), (-head * 0.1, y - 0.24))
            )
        ),
        *(
            Part(outline, "shade")
            for outline in _pair(
                polygon(
                    (-head * 0.8, y - 0.16), (-head * 0.8, y - ear - 0.08), (-head * 0.36, y - 0.24)
                )
            )
        ),
        Part(ellipse(0.0, y, head, head * 0.86), "coat"),
        *(Part(outline, DARK) for outline in _pair(ellipse(-head * 0.42, y - 0.04, 0.06, 0.08))),
        Part(polygon((-0.06, y + 0.08), (0.06, y + 0.08), (0.0, y + 0.16)), DARK),
        *(
            Part(outline, PALE)
            for outline in _pair(stroke(((-0.12, y + 0.14), (-head - 0.14, y + 0.1)), 0.03))
        ),
    ]
    return drawing(parts)


def _pair(outline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return outline, flipped(outline)


def _dog(rng: np.random.Generator) -> Drawing:
    leg, back = rng.uniform(0.5, 0.62), rng.uniform(-0.16, -0.08)
    snout, ear = rng.uniform(0.9, 1.0), rng.uniform(0.3, 0.42)
    tail = rng.uniform(-0.62, -0.4)
    parts = [
        Part(bow(((-0.6, 0.0), (-0.84, -0.16), (-0.9, tail)), 0.16, 0.09), "coat"),
        Part(rounded(-0.5, 0.1, -0.32, leg, 0.06), "shade"),
        Part(rounded(0.22, 0.1, 0.4, leg, 0.06), "shade"),
        Part(rounded(-0.7, 0.0, -0.5, leg + 0.04, 0.06), "coat"),
        Part(rounded(0.04, 0.1, 0.24, leg + 0.04, 0.06), "coat"),
        Part(
            smooth(
                (-0.7, back),
                (0.0, back + 0.04),
                (0.4, back),
                (0.4, 0.26),
                (0.0, 0.28),
                (-0.66, 0.3),
            ),
            "coat",
        ),
        Part(polygon((0.06, 0.0), (0.3, -0.5), (0.62, -0.4), (0.42, 0.16)), "coat"),
        Part(
            smooth((0.26, -0.62), (0.56, -0.68), (0.7, -0.46), (0.6, -0.22), (0.3, -0.24)), "coat"
        ),
        Part(rounded(0.46, -0.46, snout, -0.2, 0.11), "coat"),
        Part(ellipse(snout - 0.03, -0.4, 0.08), DARK),
        Part(
            smooth(
                (0.2, -0.62), (0.38, -0.62), (0.36, -0.3), (0.26, -0.6 + ear + 0.2), (0.12, -0.3)
            ),
            "shade",
        ),
        Part(ellipse(0.56, -0.48, 0.06), DARK),
        Part(stroke(((0.24, 0.04), (0.44, -0.1)), 0.09), DARK),
    ]
    return drawing(parts)


def _rabbit(rng: np.random.Generator) -> Drawing:
    ear, lean = rng.uniform(0.62, 0.76), rng.uniform(-0.1, 0.14)
    x, y = 0.36, -0.18
    parts = [
        Part(ellipse(-0.6, 0.52, 0.17), PALE),
        Part(
            ellipse(x - 0.12 + lean, y - 0.2 - ear / 2, 0.11, ear / 2 + 0.1, -0.1 + lean), "shade"
        ),
        Part(
            smooth(
                (-0.58, 0.5), (-0.3, 0.06), (0.16, 0.02), (0.44, 0.3), (0.4, 0.84), (-0.3, 0.86)
            ),
            "coat",
        ),
        Part(ellipse(x + 0.06 + lean, y - 0.2 - ear / 2, 0.12, ear / 2 + 0.1, 0.12 + lean), "coat"),
        Part(ellipse(x + 0.06 + lean, y - 0.2 - ear / 2, 0.05, ear / 2, 0.12 + lean), "tint"),
        Part(ellipse(x + 0.02, y, 0.33, 0.27), "coat"),
        Part(ring(-0.22, 0.56, 0.34, 0.32, 0.06, 3.4, 6.0), "shade"),
        Part(rounded(-0.36, 0.72, 0.08, 0.9, 0.09), "tint"),
        Part(rounded(0.2, 0.72, 0.54, 0.9, 0.09), "tint"),
        Part(ellipse(x + 0.12, y - 0.06, 0.06, 0.07), DARK),
        Part(ellipse(x + 0.33, y + 0.02, 0.05), DARK),
    ]
    return drawing(parts)


def _turtle(rng: np.random.Generator) -> Drawing:
    top, head = rng.uniform(-0.62, -0.48), rng.uniform(-0.2, -0.05)
    parts = [
        Part(
            smooth(
                (0.4, 0.2),
                (0.62, head),
                (0.86, head - 0.14),
                (1.0, head),
                (0.9, head + 0.2),
                (0.66, 0.32),
            ),
            "tint",
        ),
        Part(polygon((-0.7, 0.22), (-1.0, 0.34), (-0.66, 0.36)), "tint"),
        Part(rounded(-0.62, 0.2, -0.34, 0.56, 0.1), "tint"),
        Part(rounded(0.26, 0.2, 0.54, 0.56, 0.1), "tint"),
        Part(arc(-0.1, 0.28, 0.7, 0.28 - top, np.pi, 2 * np.pi), "coat"),
        Part(rounded(-0.84, 0.2, 0.66, 0.36, 0.08), "shade"),
        Part(stroke(((-0.32, 0.22), (-0.28, top + 0.12)), 0.06), "shade"),
        Part(stroke(((0.14, 0.22), (0.08, top + 0.12)), 0.06), "shade"),
        Part(stroke(((-0.66, 0.0), (-0.3, -0.1), (0.1, -0.1), (0.46, 0.0)), 0.06), "shade"),
        Part(ellipse(0.86, head, 0.06), DARK),
    ]
    return drawing(parts)


def _duck(rng: np.random.Generator) -> Drawing:
    neck, tail = rng.uniform(-0.62, -0.5), rng.uniform(-0.16, 0.0)
    parts = [
        Part(
            polygon(
                (0.66, neck - 0.04), (1.0, neck + 0.04), (0.96, neck + 0.14), (0.64, neck + 0.14)
            ),
            BEAK,
        ),
        Part(
            smooth(
                *((-0.96, tail), (-0.56, 0.12), (0.0, 0.02), (0.28, -0.1)),
                *((0.26, neck), (0.66, neck + 0.1), (0.62, 0.1), (0.66, 0.4)),
                *((0.3, 0.68), (-0.4, 0.68), (-0.8, 0.4)),
            ),
            "coat",
        ),
        Part(ellipse(0.48, neck, 0.27, 0.25), "coat"),
        Part(smooth((-0.7, 0.2), (-0.2, 0.14), (0.24, 0.2), (0.1, 0.46), (-0.34, 0.5)), "shade"),
        *_eye(0.56, neck - 0.06, 0.08),
    ]
    return drawing(parts)


def _butterfly(rng: np.random.Generator) -> Drawing:
    high, low = rng.uniform(0.72, 0.84), rng.uniform(0.52, 0.66)
    wide = rng.uniform(0.84, 1.0)
    upper = smooth((0.04, 0.0), (0.3, -high * 0.8), (wide * 0.84, -high), (wide, -0.4), (0.6, 0.06))
    lower = smooth((0.04, 0.0), (0.6, 0.0), (wide * 0.8, 0.3), (0.56, low + 0.14), (0.2, 0.46))
    spot = ellipse(wide * 0.68, -0.46, 0.17)
    parts = [Part(wing, "shade") for wing in _pair(lower)]
    parts += [Part(wing, "coat") for wing in _pair(upper)]
    parts += [Part(wing, "tint") for wing in _pair(spot)]
    parts += [Part(dot, "coat") for dot in _pair(ellipse(0.46, 0.34, 0.15))]
    parts += [
        Part(feeler, DARK)
        for feeler in _pair(bow(((0.02, -0.4), (0.1, -0.7), (0.24, -0.86)), 0.05))
    ]
    parts.append(Part(ellipse(0.0, 0.0, 0.08, 0.52), DARK))
    return drawing(parts)


def _snail(rng: np.random.Generator) -> Drawing:
    size, horn = rng.uniform(0.58, 0.66), rng.uniform(0.28, 0.4)
    turns = np.linspace(0.4, rng.uniform(11.0, 13.0), 30)
    radii = size * 0.86 * turns / turns[-1]
    x, y = -0.2, -0.1
    spiral = np.stack([x + radii * np.cos(turns), y + radii * np.sin(turns)], axis=1)
    parts = [
        Part(stroke(((0.7, 0.06), (0.64, -horn)), 0.08), SKIN),
        Part(stroke(((0.84, 0.06), (0.94, -horn + 0.04)), 0.08), SKIN),
        Part(ellipse(0.64, -horn, 0.08), DARK),
        Part(ellipse(0.94, -horn + 0.04, 0.08), DARK),
        Part(
            smooth(
                *((-1.0, 0.64), (-0.4, 0.46), (0.4, 0.42), (0.62, 0.04), (0.82, -0.02)),
                *((0.94, 0.14), (0.84, 0.5), (0.6, 0.66)),
            ),
            SKIN,
        ),
        Part(ellipse(x, y, size), "coat"),
        Part(stroke(spiral.tolist(), 0.09), "shade"),
    ]
    return drawing(parts)


def _crab(rng: np.random.Generator) -> Drawing:
    wide, reach = rng.uniform(0.5, 0.58), rng.uniform(-0.56, -0.42)
    claw = smooth(
        *((wide + 0.14, reach + 0.3), (wide + 0.04, reach), (wide + 0.2, reach - 0.24)),
        *((wide + 0.3, reach - 0.02), (wide + 0.46, reach - 0.2), (wide + 0.46, reach + 0.1)),
        (wide + 0.3, reach + 0.3),
    )
    parts: list[Part] = []
    for end, height in ((0.56, 0.3), (0.5, 0.52), (0.34, 0.66)):
        leg = bow(((0.34, 0.16), (end + 0.26, height - 0.26), (end + 0.36, height)), 0.12, 0.07)
        parts += [Part(side, "shade") for side in _pair(leg)]
    arm = bow(((0.34, 0.0), (wide + 0.22, -0.02), (wide + 0.24, reach + 0.2)), 0.15)
    stalk = stroke(((0.2, -0.2), (0.22, -0.5)), 0.07)
    parts += [Part(side, "shade") for side in _pair(arm)]
    parts += [Part(side, "coat") for side in _pair(claw)]
    parts += [Part(side, "shade") for side in _pair(stalk)]
    parts.append(Part(ellipse(0.0, 0.08, wide + 0.06, 0.38), "coat"))
    parts += [*_eye(-0.22, -0.5, 0.11), *_eye(0.22, -0.5, 0.11)]
    parts.append(Part(ring(0.0, 0.06, 0.26, 0.2, 0.06, 0.4, 2.74), DARK))
    return drawing(parts)


def _whale(rng: np.random.Generator) -> Drawing:
    top, fluke = rng.uniform(-0.36, -0.26), rng.uniform(-0.66, -0.5)
    jet = rng.uniform(-0.74, -0.62)
    parts = [
        Part(bow(((0.4, top), (0.38, jet + 0.1), (0.2, jet), (0.1, jet + 0.18)), 0.09), GLASS),
        Part(bow(((0.4, top), (0.42, jet + 0.1), (0.6, jet), (0.7, jet + 0.18)), 0.09), GLASS),
        Part(
            smooth(
                (-0.78, fluke + 0.3),
                (-1.0, fluke + 0.12),
                (-1.04, fluke - 0.08),
                (-0.8, fluke + 0.04),
            ),
            "shade",
        ),
        Part(
            smooth(
                (-0.82, fluke + 0.3),
                (-0.8, fluke + 0.06),
                (-0.6, fluke - 0.1),
                (-0.58, fluke + 0.14),
            ),
            "shade",
        ),
        Part(
            smooth(
                *((-0.86, fluke + 0.16), (-0.72, fluke + 0.18), (-0.5, -0.06), (0.0, top)),
                *((0.56, top), (0.94, -0.02), (0.96, 0.3), (0.6, 0.56), (0.0, 0.58), (-0.56, 0.36)),
            ),
            "coat",
        ),
        Part(
            smooth((0.94, 0.24), (0.6, 0.3), (0.0, 0.36), (-0.2, 0.46), (0.1, 0.57), (0.6, 0.54)),
            "tint",
        ),
        Part(smooth((0.16, 0.3), (0.34, 0.34), (0.1, 0.7), (-0.02, 0.66)), "shade"),
        *_eye(0.66, 0.06, 0.08),
    ]
    return drawing(parts)


ANIMALS = (
    Kind("fish", "fishes", _fish, {"sea": "water"}, 0.4),
    Kind("bird", "birds", _bird, {"street": "air", "meadow": "air", "sea": "air"}, 0.35),
    Kind(
        *("cat", "cats", _cat),
        {"street": "ground", "meadow": "ground", "room": "ground"},
        0.08,
        portable=True,
    ),
    Kind("dog", "dogs", _dog, {"street": "ground", "meadow": "ground", "room": "ground"}, 0.1),
    Kind("rabbit", "rabbits", _rabbit, {"meadow": "ground", "room": "ground"}, 0.1, portable=True),
    Kind("turtle", "turtles", _turtle, {"sea": "ground", "meadow": "ground"}, 0.12),
    Kind("duck", "ducks", _duck, {"sea": "water", "meadow": "ground"}, 0.12),
    Kind("butterfly", "butterflies", _butterfly, {"meadow": "air", "room": "air"}, 0.5),
    Kind("snail", "snails", _snail, {"meadow": "ground", "street": "ground"}, 0.12),
    Kind("crab", "crabs", _crab, {"sea": "ground"}, 0.2),
    Kind("whale", "whales", _whale, {"sea": "water"}, 0.15),
)
