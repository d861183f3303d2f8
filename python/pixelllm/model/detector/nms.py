"""Non-maximum suppression: of boxes that overlap, keep the best.

The authors' code (scenic, projects/baselines/centernet/modeling/nms.py) works through tiles of 256
boxes; the result is that of the plain greedy rule here. They differ where the limit is 0.5 or
less: there a box that was itself suppressed by an overlap of at most 0.5 still suppresses others,
in theirs only.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from pixelllm.model.detector.boxes import overlap_and_union


def suppress(boxes: Tensor, limit: float | Tensor) -> Tensor:
    """Which boxes to keep.

    A box goes when it overlaps (IoU) a kept one before it by `limit` or more. One without a
    positive coordinate goes too: the authors' code marks what it drops with such boxes.

    Args:
        boxes: float[B, K, 4], best first.
        limit: one for all, or float[B], one for the boxes of each image.

    Returns:
        bool[B, K].
    """
    if isinstance(limit, Tensor):
        limit = limit[:, None, None]
    common, union = overlap_and_union(boxes, boxes)
    overlapped = (common / (union + 1e-8) >= limit).triu(diagonal=1)  # [B, K, K], [.., by, what]
    keep = torch.ones_like(boxes[..., 0], dtype=torch.bool)
    # Each round settles at least the next undecided box; few rounds settle all.
    while True:
        settled = ~(overlapped & keep[..., None]).any(1)
        if torch.equal(settled, keep):
            return keep & (boxes > 0).any(-1)
        keep = settled


def first_kept(keep: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Indices of the first `count` kept boxes.

    Args:
        keep: bool[B, K].

    Returns:
        int[B, count] indices, in order, the last box's where there are too few, and bool[B, count]
        which of them are real.
    """
    size = keep.shape[1]
    places = torch.arange(size, device=keep.device).expand_as(keep)
    order = torch.where(keep, places, size).sort(1).values[:, :count]
    order = F.pad(order, (0, count - order.shape[1]), value=size)
    return order.clamp(max=size - 1), order < size
