"""Boxes: overlap, clipping, and a box as a correction of another."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

WEIGHTS: Final = (10.0, 10.0, 5.0, 5.0)  # of a correction: x, y, log width, log height
LARGEST_GROWTH: Final = math.log(1000.0 / 16.0)  # of a side, as logarithm


def overlap_and_union(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Common and joint area of every pair.

    Args:
        first: float[..., N, 4].
        second: float[..., M, 4].

    Returns:
        Two float[..., N, M].
    """
    first, second = first[..., :, None, :], second[..., None, :, :]
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    common = (high - low).clamp(min=0).prod(-1)
    return common, area(first) + area(second) - common


def area(boxes: Tensor) -> Tensor:
    """float[..., 4] to float[...]."""
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1)


def clip_boxes(boxes: Tensor, frame: tuple[int, int]) -> Tensor:
    """float[..., 4] boxes, kept inside a (height, width) frame."""
    height, width = frame
    return torch.minimum(boxes, boxes.new_tensor([width, height, width, height])).clamp(min=0)


def encode_boxes(boxes: Tensor, anchors: Tensor) -> Tensor:
    """The correction that makes a box of an anchor.

    Args:
        boxes, anchors: float[..., 4].

    Returns:
        float[..., 4]: shift of the centre in sides of the anchor, logarithm of the growth of the
        sides, all times WEIGHTS. Not finite where a side is 0.
    """
    size, anchor_size = boxes[..., 2:] - boxes[..., :2], anchors[..., 2:] - anchors[..., :2]
    centre = boxes[..., :2] + 0.5 * size
    anchor_centre = anchors[..., :2] + 0.5 * anchor_size
    shift = (centre - anchor_centre) / anchor_size
    growth = (size / anchor_size).log()
    return torch.cat([shift, growth], -1) * boxes.new_tensor(WEIGHTS)


def decode_boxes(corrections: Tensor, anchors: Tensor) -> Tensor:
    """The boxes that float[..., 4] corrections make of float[..., 4] anchors, unclipped."""
    corrections = corrections / corrections.new_tensor(WEIGHTS)
    shift, growth = corrections[..., :2], corrections[..., 2:]
    anchor_size = anchors[..., 2:] - anchors[..., :2]
    centre = shift * anchor_size + (anchors[..., :2] + 0.5 * anchor_size)
    size = growth.clamp(max=LARGEST_GROWTH).exp() * anchor_size
    low = centre - 0.5 * size
    return torch.cat([low, low + size], -1)
