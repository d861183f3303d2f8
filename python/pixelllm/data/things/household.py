"""Things that people use, wear and play with."""

import numpy as np

from pixelllm.data.drawing import (
    Drawing,
    Part,
    arc,
    bow,
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
from pixelllm.data.things.paints import DARK, DARK_WOOD, IRON, LIGHT, PALE, WOOD

TABLE_TOP = -0.62  # half of a table's height: every table is as high, so that things stand on it
SEAT = 0.08  # of a chair


def _cup(rng: np.random.Generator) -> Drawing:
    top, foot, low = rng.uniform(0.58, 0.66), rng.uniform(0.38, 0.5), rng.uniform(0.6, 0.76)
    parts = [
        Part(ring(top - 0.04, 0.04, 0.4, rng.uniform(0.34, 0.42), 0.15), "shade"),
        Part(
            smooth(
                *((-top, -0.6), (-top + 0.03, 0.1), (-foot, low), (0.0, low + 0.05)),
                *((foot, low), (top - 0.03, 0.1), (top, -0.6), (0.0, -0.6)),
            ),
            "coat",
        ),
        Part(ellipse(0.0, -0.58, top, 0.17), "tint"),
        Part(ellipse(0.0, -0.56, top - 0.09, 0.1), DARK_WOOD),
    ]
    return drawing(parts)


def _chair(rng: np.random.Generator) -> Drawing:
    wide, leg = rng.uniform(0.44, 0.54), rng.uniform(0.13, 0.17)
    parts = [
        Part(rectangle(wide - leg - 0.14, SEAT, wide - 0.14, 0.86), "shade"),
        Part(rectangle(-wide + 0.2, SEAT, -wide + 0.2 + leg, 0.86), "shade"),
        Part(rounded(-wide, -1.0, -wide + leg + 0.04, 1.0, 0.05), "coat"),
        Part(rectangle(wide - leg, SEAT, wide, 1.0), "coat"),
        Part(polygon((-wide, SEAT), (wide, SEAT), (wide, SEAT + 0.2), (-wide, SEAT + 0.2)), "coat"),
    ]
    return drawing(parts)


def _table(rng: np.random.Generator) -> Drawing:
    leg, thick, inset = rng.uniform(0.12, 0.17), rng.uniform(0.16, 0.22), rng.uniform(0.04, 0.14)
    high = -TABLE_TOP
    parts = [
        Part(rectangle(-0.62 + inset, -high + 0.1, -0.62 + inset + leg, high - 0.14), "shade"),
        Part(rectangle(0.62 - inset - leg, -high + 0.1, 0.62 - inset, high - 0.14), "shade"),
        Part(rectangle(-1.0 + inset, -high + 0.1, -1.0 + inset + leg, high), "coat"),
        Part(rectangle(1.0 - inset - leg, -high + 0.1, 1.0 - inset, high), "coat"),
        Part(rounded(-1.0, -high, 1.0, -high + thick, 0.06), "coat"),
        Part(rectangle(-0.9, -high + thick, 0.9, -high + thick + 0.08), "shade"),
    ]
    return drawing(parts)


def _lamp(rng: np.random.Generator) -> Drawing:
    top, wide, foot = rng.uniform(0.28, 0.38), rng.uniform(0.62, 0.72), rng.uniform(0.36, 0.46)
    parts = [
        Part(rectangle(-0.07, 0.0, 0.07, 0.9), "shade"),
        Part(ellipse(0.0, 0.5, rng.uniform(0.14, 0.24), 0.24), "shade"),
        Part(arc(0.0, 0.96, foot, 0.22, np.pi, 2 * np.pi), "coat"),
        Part(arc(0.0, 0.06, 0.16, 0.16, 0.0, np.pi), LIGHT),
        Part(polygon((-top, -0.94), (top, -0.94), (wide, 0.06), (-wide, 0.06)), "coat"),
        Part(
            polygon((-wide + 0.05, -0.04), (wide - 0.05, -0.04), (wide, 0.06), (-wide, 0.06)),
            "tint",
        ),
    ]
    return drawing(parts)


def _clock(rng: np.random.Generator) -> Drawing:
    hour, minute = rng.uniform(0.0, 2 * np.pi, 2)
    parts = []
    for side in (-1, 1):
        parts.append(Part(stroke(((side * 0.4, 0.5), (side * 0.6, 0.92)), 0.14), "shade"))
        parts.append(
            Part(arc(side * 0.46, -0.62, 0.3, 0.26, np.pi, 2 * np.pi, side * 0.62), "shade")
        )
    parts += [
        Part(rectangle(-0.06, -0.95, 0.06, -0.6), IRON),
        Part(ellipse(0.0, 0.06, 0.78), "coat"),
        Part(ellipse(0.0, 0.06, 0.58), "tint"),
        *(
            Part(ellipse(0.47 * np.cos(a), 0.06 + 0.47 * np.sin(a), 0.05), DARK)
            for a in np.arange(4) * np.pi / 2
        ),
        Part(stroke(((0.0, 0.06), (0.26 * np.cos(hour), 0.06 + 0.26 * np.sin(hour))), 0.12), DARK),
        Part(
            stroke(((0.0, 0.06), (0.44 * np.cos(minute), 0.06 + 0.44 * np.sin(minute))), 0.08), DARK
        ),
    ]
    return drawing(parts)


def _guitar(rng: np.random.Generator) -> Drawing:
    waist, hips, chest = rng.uniform(0.26, 0.31), rng.uniform(0.46, 0.54), rng.uniform(0.36, 0.42)
    parts = [
        Part(
            smooth(
                *((0.0, -0.16), (chest, -0.06), (waist, 0.26), (hips, 0.66), (0.24, 1.0)),
                *((-0.24, 1.0), (-hips, 0.66), (-waist, 0.26), (-chest, -0.06)),
            ),
            "coat",
        ),
        Part(ellipse(0.0, 0.2, 0.15), DARK),
        Part(rectangle(-0.07, -0.9, 0.07, 0.16), WOOD),
        Part(polygon((-0.13, -1.1), (0.13, -1.1), (0.1, -0.82), (-0.1, -0.82)), DARK_WOOD),
        Part(rectangle(-0.18, 0.58, 0.18, 0.66), DARK_WOOD),
    ]
    return drawing(parts)


def _umbrella(rng: np.random.Generator) -> Drawing:
    high, rim = rng.uniform(0.66, 0.8), rng.uniform(-0.1, 0.0)
    hook = rng.uniform(0.14, 0.2)
    arch = arc(0.0, rim, 1.0, high, np.pi, 2 * np.pi)
    count = 4
    step = 2.0 / count
    scallops = [
        arc(1.0 - step * (k + 0.5), rim, step / 2, 0.12, 2 * np.pi, np.pi) for k in range(count)
    ]
    parts = [
        Part(rectangle(-0.045, rim - high - 0.1, 0.045, 0.84), DARK_WOOD),
        Part(ring(hook, 0.82, hook + 0.045, 0.18, 0.09, 0.0, np.pi), DARK_WOOD),
        Part(np.concatenate([arch, *scallops]), "coat"),
        Part(
            np.concatenate([arc(0.0, rim, step, high, np.pi, 2 * np.pi), scallops[1], scallops[2]]),
            "shade",
        ),
        Part(
            np.concatenate([arc(0.0, rim, step * 0.12, high, np.pi, 2 * np.pi)]),
            "coat",
        ),
    ]
    return drawing(parts)


def _kite(rng: np.random.Generator) -> Drawing:
    wide, cross = rng.uniform(0.52, 0.62), rng.uniform(-0.46, -0.34)
    tip, sway = 0.36, rng.uniform(0.1, 0.2) * rng.choice((-1, 1))
    tail = ((0.0, tip), (sway, 0.56), (-sway, 0.78), (sway, 1.0))
    parts = [
        Part(bow(tail, 0.05), DARK_WOOD),
        Part(polygon((0.0, -1.0), (wide, cross), (0.0, tip), (-wide, cross)), "coat"),
        Part(polygon((0.0, -1.0), (0.0, cross), (-wide, cross)), "shade"),
        Part(polygon((wide, cross), (0.0, tip), (0.0, cross)), "shade"),
    ]
    for x, y in tail[1:]:
        parts.append(
            Part(
                polygon(
                    (x - 0.15, y - 0.1),
                    (x + 0.15, y + 0.1),
                    (x + 0.15, y - 0.1),
                    (x - 0.15, y + 0.1),
                ),
                "shade",
            )
        )
    return drawing(parts)


def _ball(rng: np.random.Generator) -> Drawing:
    turn = rng.uniform(0.0, np.pi)
    parts = [
        Part(ellipse(0.0, 0.0, 1.0), "coat"),
        Part(ellipse(0.0, 0.0, 0.99, 0.36, turn), "tint"),
        Part(arc(0.0, 0.0, 1.0, 1.0, turn + 0.7, turn + np.pi - 0.7), "shade"),
        Part(ellipse(-0.42, -0.5, 0.2, 0.13, -0.8), PALE),
    ]
    return drawing(parts)


def _hat(rng: np.random.Generator) -> Drawing:
    crown, high = rng.uniform(0.5, 0.6), rng.uniform(-0.7, -0.5)
    flare = rng.uniform(-0.06, 0.08)
    parts = [
        Part(ellipse(0.0, 0.42, 1.0, 0.22), "coat"),
        Part(ellipse(0.0, 0.36, crown + 0.08, 0.14), "shade"),
        Part(
            smooth(
                *((-crown, 0.36), (-crown - flare, high + 0.1), (-crown - flare + 0.1, high)),
                *(
                    (crown + flare - 0.1, high),
                    (crown + flare, high + 0.1),
                    (crown, 0.36),
                    (0.0, 0.46),
                ),
            ),
            "coat",
        ),
        Part(
            polygon((-crown, 0.14), (crown, 0.14), (crown, 0.36), (0.0, 0.44), (-crown, 0.36)),
            DARK,
        ),
    ]
    return drawing(parts)


HOUSEHOLD = (
    Kind("cup", "cups", _cup, {"room": "ground"}, 0.1, portable=True),
    Kind(
        *("chair", "chairs", _chair),
        {"room": "ground", "meadow": "ground", "sea": "ground"},
        0.06,
        surface=SEAT,
    ),
    Kind(
        *("table", "tables", _table),
        {"room": "ground", "meadow": "ground"},
        0.04,
        surface=TABLE_TOP,
        shelter=True,
    ),
    Kind("lamp", "lamps", _lamp, {"room": "ground"}, 0.08, portable=True),
    Kind("clock", "clocks", _clock, {"room": "ground"}, 0.1, portable=True),
    Kind("guitar", "guitars", _guitar, {"room": "ground", "meadow": "ground"}, 0.4, portable=True),
    Kind(
        *("umbrella", "umbrellas", _umbrella),
        {"street": "ground", "sea": "ground", "meadow": "ground", "room": "ground"},
        0.15,
        shelter=True,
    ),
    Kind("kite", "kites", _kite, {"meadow": "air", "sea": "air", "room": "air"}, 0.5),
    Kind(
        *("ball", "balls", _ball),
        {"street": "ground", "meadow": "ground", "sea": "ground", "room": "ground"},
        0.5,
        portable=True,
    ),
    Kind(
        "hat",
        "hats",
        _hat,
        {"room": "ground", "sea": "ground", "street": "ground"},
        0.15,
        portable=True,
    ),
)
