"""Things that people use, wear and play with."""

import numpy as np

from pixelllm.data.drawing import (
    Drawing,
    Paint,
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
SEAT = 0.14  # of a chair, likewise


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
    wide, leg, post = rng.uniform(0.46, 0.58), rng.uniform(0.12, 0.16), rng.uniform(0.11, 0.15)
    back, foot = wide - rng.uniform(0.06, 0.14), rng.uniform(0.8, 0.88)
    parts = [
        Part(rectangle(-back, SEAT, -back + leg, foot), "shade"),
        Part(rectangle(back - leg, SEAT, back, foot), "shade"),
        *_chair_back(rng, back, post),
        Part(rectangle(-wide, 0.2, -wide + leg, 1.0), "coat"),
        Part(rectangle(wide - leg, 0.2, wide, 1.0), "coat"),
        Part(rounded(-wide - 0.03, 0.2, wide + 0.03, 0.38, 0.04), "shade"),
        Part(
            polygon((-back, 0.04), (back, 0.04), (wide + 0.03, 0.24), (-wide - 0.03, 0.24)), "coat"
        ),
    ]
    return drawing(parts)


def _chair_back(rng: np.random.Generator, wide: float, post: float) -> list[Part]:
    """Closed, or posts with slats between them, across or upright."""
    style = int(rng.integers(3))
    if style == 0:
        panel = rounded(-wide, -1.0, wide, -0.12, 0.16)
        bars = [rectangle(x - 0.07, -0.2, x + 0.07, 0.1) for x in (-wide * 0.6, wide * 0.6)]
        inlay = rounded(-wide + 0.1, -0.9, wide - 0.1, -0.22, 0.1)
        return [*(Part(bar, "shade") for bar in bars), Part(panel, "coat"), Part(inlay, "tint")]
    posts = [rectangle(-wide, -0.96, -wide + post, 0.1), rectangle(wide - post, -0.96, wide, 0.1)]
    rail = rounded(-wide - 0.02, -1.0, wide + 0.02, -0.72, 0.08)
    if style == 1:
        slats = [rectangle(-wide, -0.52, wide, -0.34)]
    else:
        slats = [rectangle(x - 0.06, -0.8, x + 0.06, 0.1) for x in (-wide * 0.28, wide * 0.28)]
    return [
        *(Part(slat, "shade") for slat in slats),
        *(Part(outline, "coat") for outline in (*posts, rail)),
    ]


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
        Part(ellipse(0.0, 0.06, 0.55), "tint"),
        *(
            Part(ellipse(0.44 * np.cos(a), 0.06 + 0.44 * np.sin(a), 0.05), DARK)
            for a in np.arange(4) * np.pi / 2
        ),
        Part(stroke(((0.0, 0.06), (0.26 * np.cos(hour), 0.06 + 0.26 * np.sin(hour))), 0.12), DARK),
        Part(
            stroke(((0.0, 0.06), (0.44 * np.cos(minute), 0.06 + 0.44 * np.sin(minute))), 0.08), DARK
        ),
    ]
    return drawing(parts)


def _guitar(rng: np.random.Generator) -> Drawing:
    waist, hips, chest = rng.uniform(0.34, 0.4), rng.uniform(0.56, 0.64), rng.uniform(0.46, 0.52)
    top = rng.uniform(-0.96, -0.84)
    parts = [
        Part(
            smooth(
                *((0.0, -0.2), (chest, -0.1), (waist, 0.24), (hips, 0.64), (0.26, 1.0)),
                *((-0.26, 1.0), (-hips, 0.64), (-waist, 0.24), (-chest, -0.1)),
            ),
            "coat",
        ),
        Part(ellipse(0.0, 0.2, 0.17), DARK),
        Part(rectangle(-0.07, top + 0.1, 0.07, 0.16), WOOD),
        Part(
            polygon((-0.15, top), (0.15, top), (0.11, top + 0.26), (-0.11, top + 0.26)), DARK_WOOD
        ),
        Part(rectangle(-0.2, 0.6, 0.2, 0.69), DARK_WOOD),
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
    wide, cross = rng.uniform(0.62, 0.74), rng.uniform(-0.42, -0.28)
    tip, sway = 0.5, rng.uniform(0.1, 0.18) * rng.choice((-1, 1))
    tail = ((0.0, tip), (sway, 0.72), (-sway * 0.6, 0.96))
    parts = [
        Part(bow(tail, 0.05), DARK_WOOD),
        Part(polygon((0.0, -1.0), (wide, cross), (0.0, tip), (-wide, cross)), "coat"),
        Part(polygon((0.0, -1.0), (0.0, cross), (-wide, cross)), "tint"),
        Part(polygon((wide, cross), (0.0, tip), (0.0, cross)), "shade"),
    ]
    for x, y in tail[1:]:
        left, right = x - 0.15, x + 0.15
        knot = polygon((left, y - 0.09), (right, y + 0.09), (right, y - 0.09), (left, y + 0.09))
        parts.append(Part(knot, "shade"))
    return drawing(parts)


def _ball(rng: np.random.Generator) -> Drawing:
    turn = rng.uniform(0.0, 2 * np.pi)
    parts = [Part(ellipse(0.0, 0.0, 1.0), "coat")]
    if rng.random() < 0.6:  # a beach ball: segments that meet at a pole
        pole = (0.36 * np.cos(turn), 0.36 * np.sin(turn))
        for start in np.arange(3) * 2 * np.pi / 3 + turn:
            rim = arc(0.0, 0.0, 1.0, 1.0, start, start + np.pi / 3)
            paint: Paint = "tint" if rng.random() < 0.5 else "shade"
            parts.append(Part(np.concatenate([rim, polygon(pole)]), paint))
        parts.append(Part(ellipse(*pole, 0.16), "coat"))
    else:
        parts.append(Part(ellipse(0.0, 0.0, 0.99, rng.uniform(0.26, 0.4), turn), "tint"))
        parts.append(Part(arc(0.0, 0.0, 1.0, 1.0, turn + 0.7, turn + np.pi - 0.7), "shade"))
    parts.append(Part(ellipse(-0.42, -0.5, 0.2, 0.13, -0.8), PALE))
    return drawing(parts)


def _hat(rng: np.random.Generator) -> Drawing:
    crown, flare = rng.uniform(0.5, 0.6), rng.uniform(-0.08, 0.06)
    if rng.random() < 0.6:  # a top hat
        high = rng.uniform(-0.74, -0.5)
        top = ((crown + flare, high + 0.08), (crown + flare - 0.1, high))
    else:  # a bowler
        high = rng.uniform(-0.5, -0.36)
        top = ((crown * 0.98, high + 0.4), (crown * 0.5, high + 0.04))
    left = tuple((-x, y) for x, y in top)
    parts = [
        Part(ellipse(0.0, 0.42, 1.0, rng.uniform(0.18, 0.25)), "coat"),
        Part(ellipse(0.0, 0.38, crown + 0.1, 0.13), "shade"),
        Part(smooth((-crown, 0.36), *left, *top[::-1], (crown, 0.36), (0.0, 0.46)), "coat"),
        Part(
            polygon((-crown, 0.16), (crown, 0.16), (crown, 0.36), (0.0, 0.44), (-crown, 0.36)),
            DARK,
        ),
    ]
    return drawing(parts)


HOUSEHOLD = (
    Kind("cup", "cups", _cup, {"room": "ground", "meadow": "ground"}, 0.1, portable=True),
    Kind(
        *("chair", "chairs", _chair),
        {"room": "ground", "street": "ground", "meadow": "ground", "sea": "ground"},
        0.06,
        surface=SEAT,
    ),
    Kind(
        *("table", "tables", _table),
        {"room": "ground", "street": "ground", "meadow": "ground"},
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
