"""Draws a sheet of all kinds of things: `python -m pixelllm.data.draw_things sheet.png`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pixelllm.data.drawing import Drawing
from pixelllm.data.scene_vocabulary import COLOURS, TEXTURES
from pixelllm.data.thing_painting import Canvas, paint_thing
from pixelllm.data.things import ALL_KINDS, KINDS, Kind

SEED = 2024
EXTENTS = (24, 24, 24, 40, 40, 40, 96, 96, 96, 96)  # longer side in pixels, one per column
_MARGIN, _LABEL, _FINE = 8, 84, 3
_LONG_SIDE = 128  # of the image that the things are imagined in
_PAPER = (206, 208, 204)


@dataclass(frozen=True, eq=False)
class _Specimen:
    drawing: Drawing
    colour: str
    texture: str
    x: float
    y: float
    radius: float
    mirrored: bool = False
    rotation: float = 0.0


def draw_sheet(kinds: Sequence[Kind], seed: int = SEED) -> Image.Image:
    """One row per kind: its name, and new drawings of it in random colours at EXTENTS."""
    height = max(EXTENTS) + _MARGIN
    width = _LABEL + sum(extent + _MARGIN for extent in EXTENTS)
    sheet = Image.new("RGB", (width, height * len(kinds)), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for row, kind in enumerate(kinds):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(row,)))
        pen.text((6, row * height + height // 2), kind.name, (20, 20, 20), anchor="lm")
        x = _LABEL
        for extent in EXTENTS:
            tile = _draw_tile(rng, kind, extent)
            sheet.paste(tile, (x, row * height + (height - extent) // 2))
            x += extent + _MARGIN
    return sheet


def _draw_tile(rng: np.random.Generator, kind: Kind, extent: int) -> Image.Image:
    """One thing on paper, in a square of this many pixels."""
    side = extent * _FINE
    canvas = Canvas(
        Image.new("RGB", (side, side), _PAPER), Image.new("L", (side, side)), _LONG_SIDE * _FINE
    )
    half = extent / 2 / _LONG_SIDE
    colours = tuple(COLOURS)
    texture = TEXTURES[int(rng.integers(len(TEXTURES)))] if rng.random() < 0.4 else "solid"
    colour = colours[int(rng.integers(len(colours)))]
    drawing = kind.draw(rng)
    paint_thing(rng, canvas, _Specimen(drawing, colour, texture, half, half, half * 0.96), index=0)
    return canvas.picture.reduce(_FINE)


def main() -> int:
    """Reads the command line and draws; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pixelllm.data.draw_things")
    parser.add_argument("file", type=Path, help="the PNG to write")
    parser.add_argument("--kinds", nargs="+", choices=tuple(ALL_KINDS), default=tuple(KINDS))
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    sheet = draw_sheet([ALL_KINDS[name] for name in options.kinds], options.seed)
    sheet.save(options.file, format="PNG", optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
