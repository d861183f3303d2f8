"""ROIAlign: the features inside a box, as a small grid of the same size for every box.

He et al., "Mask R-CNN" (2017). Each box reads the map of the pyramid that suits its size; between
cells it interpolates bilinearly, beyond the map's edge there are zeros.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pixelllm.model.detector.boxes import area

CANONICAL_SIZE = 224  # pixels; a box of this side reads the map of stride 2 ** CANONICAL_LEVEL
CANONICAL_LEVEL = 4
SAMPLES = 2  # per cell of the output and direction


def pyramid_align(
    pyramid: list[Tensor], strides: tuple[int, ...], boxes: Tensor, size: int
) -> Tensor:
    """Crop every box from the map that suits it.

    Args:
        pyramid: float[B, C, h, w] each, finest first.
        strides: of the maps, powers of two, each twice the one before.
        boxes: float32[B, K, 4], pixels.

    Returns:
        float[B, K, size, size, C].
    """
    first = strides[0].bit_length() - 1
    levels = box_levels(boxes, first, first + len(strides) - 1) - first
    batch, count = boxes.shape[:2]
    crops = pyramid[0].new_zeros(batch, count, size, size, pyramid[0].shape[1])
    for level, (features, stride) in enumerate(zip(pyramid, strides, strict=True)):
        for image in range(batch):
            rows = (levels[image] == level).nonzero()[:, 0]
            crops[image, rows] = align(features[image], boxes[image, rows] / stride, size)
    return crops


def box_levels(boxes: Tensor, first: int, last: int) -> Tensor:
    """The level (log2 of the stride) that each of float[..., 4] boxes reads from, int[...]."""
    side = area(boxes).clamp(min=0).sqrt()
    level = (CANONICAL_LEVEL + (side / CANONICAL_SIZE + 1e-8).log2()).floor()
    return level.clamp(first, last).long()


def align(features: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Crop float[K, 4] boxes, in cells, from float[C, h, w] features: float[K, size, size, C]."""
    height, width = features.shape[1:]
    rows = _weights(boxes[:, 1], boxes[:, 3], size, height).to(features.dtype)
    columns = _weights(boxes[:, 0], boxes[:, 2], size, width).to(features.dtype)
    across = torch.einsum("chw,kxw->kxhc", features, columns)
    return torch.einsum("kxhc,kyh->kyxc", across, rows)


def _weights(low: Tensor, high: Tensor, size: int, cells: int) -> Tensor:
    """How much each cell of a row counts in each output of each box: float[K, size, cells]."""
    samples = torch.arange(size * SAMPLES, device=low.device, dtype=low.dtype) + 0.5
    step = (high - low) / (size * SAMPLES)
    places = low[:, None] + samples * step[:, None] - 0.5  # a cell's centre is at its index
    distance = (places[..., None] - torch.arange(cells, device=low.device)).abs()
    return torch.unflatten((1 - distance).clamp(min=0), 1, (size, SAMPLES)).mean(2)
