"""What the auxiliary losses are told of a scene: a label for every feature cell and visual token.

A label is four indices (colour, kind, texture and size in `ATTRIBUTES`) and a box in 0-1 of the
model frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pixelllm.data.scene_vocabulary import COLOURS, SIZES, TEXTURES
from pixelllm.data.scenes import SceneThing
from pixelllm.data.things import KINDS
from pixelllm.model.preprocess import ModelImage

CELL_COVER: Final = 0.35  # share of a cell that a thing must cover to be its label
UNLABELLED: Final = -100  # cross-entropy ignores it
ATTRIBUTES: Final = (tuple(COLOURS), tuple(KINDS), TEXTURES, SIZES)

Boxes = Sequence[NDArray[np.float32]]  # of the things, float32[4], pixels of the model frame
Labels = tuple[NDArray[np.int64], NDArray[np.float32]]


def attributes(thing: SceneThing) -> tuple[int, int, int, int]:
    """Indices of a thing's colour, kind, texture and size in ATTRIBUTES."""
    values = (thing.colour, thing.kind, thing.texture, thing.size)
    colour, kind, texture, size = (
        names.index(value) for names, value in zip(ATTRIBUTES, values, strict=True)
    )
    return colour, kind, texture, size


def cell_labels(
    things: Sequence[SceneThing], boxes: Boxes, image: ModelImage, grid: int, side: int
) -> Labels:
    """Labels int64[g, g, 4] and boxes float32[g, g, 4] of the thing that covers each cell most."""
    labels = np.full((grid, grid, 4), UNLABELLED, np.int64)
    targets = np.zeros((grid, grid, 4), np.float32)
    best = np.full((grid, grid), CELL_COVER)
    for thing, box in zip(things, boxes, strict=True):
        cover = cell_cover(thing.mask, image, grid, side)
        wins = cover > best
        best[wins] = cover[wins]
        labels[wins] = attributes(thing)
        targets[wins] = box / side
    return labels, targets


def whole_token_labels(
    things: Sequence[SceneThing], boxes: Boxes, tokens: int, side: int
) -> Labels:
    """For a whole-image prompt, visual token k of k x k is to know what is at its place.

    Its place is one of the frame, not of the image in it: a learned token looks at the same cells
    whatever the image's shape. Every thing has one token at least, its nearest where that is free.
    """
    anchors = token_anchors(tokens) * side
    reach_at_least = 0.55 * side / tokens**0.5
    labels = np.full((tokens, 4), UNLABELLED, np.int64)
    targets = np.zeros((tokens, 4), np.float32)
    middles = np.array([(box[:2] + box[2:]) / 2 for box in boxes])  # [n, 2]
    distance = np.abs(anchors[:, None] - middles).max(2)  # [tokens, n]
    reach = np.maximum(reach_at_least, [0.4 * float((b[2:] - b[:2]).max()) for b in boxes])
    within = np.where(distance < reach, distance, np.inf)
    owner: list[int] = np.where(np.isfinite(within).any(1), within.argmin(1), -1).tolist()
    for token, thing in _nearest_tokens(distance):
        owner[token] = thing
    for token, thing in enumerate(owner):
        if thing >= 0:
            labels[token] = attributes(things[thing])
            targets[token] = boxes[thing] / side
    return labels, targets


def owned_tokens(whole: Labels, boxes: Boxes, side: int) -> NDArray[np.bool_]:
    """Which visual tokens tell of each thing, bool[n, tokens], by `whole_token_labels`."""
    return np.stack([(whole[1] == box / side).all(1) for box in boxes])


def _nearest_tokens(distance: NDArray[np.float64]) -> list[tuple[int, int]]:
    """For each thing its nearest free token, from float64[tokens, n]: the closest pairs first."""
    left = distance.copy()
    pairs = []
    for _ in range(left.shape[1]):
        token, thing = divmod(int(left.argmin()), left.shape[1])
        pairs.append((token, thing))
        left[token] = np.inf
        left[:, thing] = np.inf
    return pairs


def region_token_labels(
    thing: SceneThing, box: NDArray[np.float32], tokens: int, side: int
) -> Labels:
    """For a region prompt, every visual token is to know the thing."""
    labels = np.tile(np.array(attributes(thing), np.int64), (tokens, 1))
    return labels, np.tile(box / side, (tokens, 1)).astype(np.float32)


def cell_cover(
    mask: NDArray[np.bool_], image: ModelImage, grid: int, side: int
) -> NDArray[np.float32]:
    """Share of each cell, float[grid, grid], that bool[H, W] of the original image covers."""
    rows, columns = np.nonzero(mask)
    cell = side / grid
    rows = (rows * image.scale_y / cell).astype(np.int64).clip(max=grid - 1)
    columns = (columns * image.scale_x / cell).astype(np.int64).clip(max=grid - 1)
    count = np.bincount(rows * grid + columns, minlength=grid * grid).reshape(grid, grid)
    pixels_per_cell = (cell / image.scale_x) * (cell / image.scale_y)
    return (count / pixels_per_cell).astype(np.float32)


def token_anchors(tokens: int) -> NDArray[np.float64]:
    """Places of a square number of tokens, float[Q, 2] in 0-1 of the frame, row by row."""
    side = int(tokens**0.5)
    ticks = (np.arange(side) + 0.5) / side
    return np.stack(np.meshgrid(ticks, ticks, indexing="xy"), -1).reshape(-1, 2)
