"""How a training image gets into the model frame, and what is placed in it with it.

Flip, resize, crop and pad as the authors' data pipeline does them (google-research/scenic,
projects/pixel_llm, io/transforms.py and io/ops.py, which are TensorFlow): bilinear without
antialiasing for images, the nearest pixel for masks, half-pixel centres for both, sizes cut down to
integers. What differs is said where it does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

Floats = NDArray[np.float32]

MOST_OBLONG: Final = 4  # long sides to short ones of an image that is to cover the frame


@dataclass(frozen=True)
class FrameOptions:
    """How images get into the frame of S x S pixels; padding is at the right and the bottom.

    scale: between which shares of S the image's side is drawn, evenly; what is larger than the
        frame is cropped to it.
    fit: whether that is the longer side ("inside") or the shorter one ("cover").
    crop: where a larger image is cropped.
    flip: how often the image is mirrored, left to right.
    """

    scale: tuple[float, float] = (1.0, 1.0)
    fit: Literal["inside", "cover"] = "inside"
    crop: Literal["random", "centre"] = "random"
    flip: float = 0.0

    def __post_init__(self) -> None:
        low, high = self.scale
        if not 0 < low <= high:
            raise ValueError(
                f"scale has to be two numbers above 0, the smaller first: {low}, {high}"
            )
        if not 0 <= self.flip <= 1:
            raise ValueError(f"flip has to be a share from 0 to 1: {self.flip}")


@dataclass(frozen=True, eq=False)
class Placed:
    """An image with N things placed in it, all in the image's own pixels.

    image: float32[H, W, 3], 0-255.
    boxes: float32[N, 4], or None where the things have no box.
    corners: float32[N, T, 2, 2], places of tokens.
    masks: bool[N, H, W], or None.
    """

    image: Floats
    boxes: Floats | None
    corners: Floats
    masks: NDArray[np.bool_] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.image.shape[0], self.image.shape[1]


@dataclass(frozen=True)
class Window:
    """A part of an image, pixels."""

    top: int
    left: int
    height: int
    width: int


def place_in_frame(
    placed: Placed,
    options: FrameOptions,
    side: int,
    rng: np.random.Generator,
    *,
    antialias: bool = False,
    may_flip: bool = True,
) -> Placed:
    """Flip, resize and crop at random, so that the image fits a square of `side` pixels."""
    if rng.random() < options.flip and may_flip:
        placed = flip(placed)
    target = int(np.float32(side) * np.float32(rng.uniform(*options.scale)))
    cap = target if options.fit == "inside" else None
    if cap is None:
        placed = crop(placed, middle(placed.size, MOST_OBLONG * min(placed.size)))
    placed = resize(placed, *scaled_size(*placed.size, target, cap), antialias=antialias)
    height, width = (min(extent, side) for extent in placed.size)
    if options.crop == "centre":
        return crop(placed, middle(placed.size, side))
    top = int(rng.integers(placed.size[0] - height + 1))
    left = int(rng.integers(placed.size[1] - width + 1))
    return crop(placed, Window(top, left, height, width))


def middle(size: tuple[int, int], side: int) -> Window:
    """The part of an image that is in a square of `side` pixels around its centre."""
    height, width = (min(extent, side) for extent in size)
    return Window((size[0] - height) // 2, (size[1] - width) // 2, height, width)


def scaled_size(height: int, width: int, shorter: int, longest: int | None) -> tuple[int, int]:
    """The (height, width) of an image of which the shorter side becomes `shorter`.

    With `longest` both become smaller where the longer side would be more; it can then come out one
    pixel short of `longest`, as with the authors, whose integers and float32 this follows. Where
    they would make an empty image, of a sliver, this keeps one pixel.
    """
    short, long = min(height, width), max(height, width)
    if longest is not None:
        small, large, most = np.float32(short), np.float32(long), np.float32(longest)
        if large / small * np.float32(shorter) > most:
            shorter = int(np.floor(most * small / large))
    if short == shorter:
        return height, width
    longer = int(shorter * long / short)
    if shorter < 1:
        shorter, longer = 1, longest or 1
    return (longer, shorter) if width < height else (shorter, longer)


def resize(placed: Placed, height: int, width: int, *, antialias: bool = False) -> Placed:
    """Resize an image with all that is placed in it."""
    old_height, old_width = placed.size
    across, down = np.float32(width / old_width), np.float32(height / old_height)
    scale = np.array([across, down], np.float32)
    masks = placed.masks
    if masks is not None:
        rows, columns = nearest(old_height, height), nearest(old_width, width)
        masks = masks[:, rows[:, None], columns]
    return Placed(
        image=resize_image(placed.image, height, width, antialias=antialias),
        boxes=None if placed.boxes is None else placed.boxes * np.tile(scale, 2),
        corners=placed.corners * scale,
        masks=masks,
    )


def resize_image(image: Floats, height: int, width: int, *, antialias: bool = False) -> Floats:
    """Resize float32[H, W, C] bilinearly."""
    if image.shape[:2] == (height, width):
        return image
    x = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]  # [1, C, H, W]
    x = F.interpolate(x, (height, width), mode="bilinear", antialias=antialias)
    resized: Floats = x[0].permute(1, 2, 0).contiguous().numpy()
    return resized


def nearest(old: int, new: int) -> NDArray[np.intp]:
    """Which of `old` pixels each of `new` ones shows."""
    centres = (np.arange(new, dtype=np.float32) + np.float32(0.5)) * np.float32(old / new)
    pixels: NDArray[np.intp] = np.minimum(np.floor(centres).astype(np.intp), old - 1)
    return pixels


def crop(placed: Placed, window: Window) -> Placed:
    """Cut out a part of the image; places end at its edges, and those outside become empty."""
    rows = slice(window.top, window.top + window.height)
    columns = slice(window.left, window.left + window.width)
    offset = np.array([window.left, window.top], np.float32)
    extent = np.array([window.width, window.height], np.float32)
    boxes = placed.boxes
    if boxes is not None:
        boxes = np.clip(boxes - np.tile(offset, 2), 0, np.tile(extent, 2))
    return Placed(
        image=placed.image[rows, columns],
        boxes=boxes,
        corners=np.clip(placed.corners - offset, 0, extent),
        masks=None if placed.masks is None else placed.masks[:, rows, columns],
    )


def flip(placed: Placed) -> Placed:
    """Mirror an image left to right.

    A token without a place keeps none. A place's left and right edge change places, so that its
    first corner stays the top left one; the authors leave them crossed, but mirror no image whose
    tokens have places.
    """
    width = placed.size[1]
    boxes = placed.boxes
    if boxes is not None:
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)
    corners = placed.corners.copy()
    corners[..., 0] = width - placed.corners[..., ::-1, 0]
    corners[~placed.corners.any(axis=(2, 3))] = 0
    masks = placed.masks
    return Placed(
        image=placed.image[:, ::-1].copy(),  # torch takes no array that is read backwards
        boxes=boxes,
        corners=corners,
        masks=None if masks is None else masks[:, :, ::-1],
    )


def select(placed: Placed, rows: NDArray[np.intp]) -> Placed:
    """Those things of these numbers, in this order."""
    return replace(
        placed,
        boxes=None if placed.boxes is None else placed.boxes[rows],
        corners=placed.corners[rows],
        masks=None if placed.masks is None else placed.masks[rows],
    )


def visible(placed: Placed) -> NDArray[np.intp]:
    """The numbers of the things that a crop has left something of; without boxes, all."""
    boxes = placed.boxes
    if boxes is None:
        return np.arange(len(placed.corners))
    return np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))


def pad(placed: Placed, side: int) -> Placed:
    """Black at the right and the bottom, up to a square of `side` pixels."""
    height, width = placed.size
    below, beside = (0, side - height), (0, side - width)
    masks = placed.masks
    return replace(
        placed,
        image=np.pad(placed.image, (below, beside, (0, 0))),
        masks=None if masks is None else np.pad(masks, ((0, 0), below, beside)),
    )
