"""Stochastic depth: training leaves residual branches out of some images, deep ones most often.

Huang et al., "Deep Networks with Stochastic Depth" (2016), as ViTs use it: the chance grows from 0
at the first block linearly to the configured one at the last.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def block_chance(last: float, block: int, depth: int) -> float:
    """The chance of a block's branches, counted from 0, of so many."""
    return last * block / max(1, depth - 1)


def drop_path(branch: Tensor, chance: float, training: bool) -> Tensor:
    """float[B, ...] with whole images at 0 by chance, the others scaled to make up for them."""
    if not training or not chance:
        return branch
    kept = F.dropout(branch.new_ones(len(branch), *[1] * (branch.ndim - 1)), chance)
    return branch * kept
