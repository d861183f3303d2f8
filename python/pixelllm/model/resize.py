"""Resizing as `jax.image.resize` does it: half-pixel centres, and a low-pass filter when shrinking.

torch's `interpolate` gives the same numbers with `antialias=True`; without it, its bicubic kernel
has another coefficient (-0.75 instead of -0.5), also when enlarging.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

Filter = Literal["bicubic", "bilinear"]


def resize_map(x: Tensor, height: int, width: int, mode: Filter = "bicubic") -> Tensor:
    """Resize a channels-last map.

    Args:
        x: float[B, h, w, C].

    Returns:
        float[B, height, width, C].
    """
    if x.shape[1:3] == (height, width):
        return x
    x = x.permute(0, 3, 1, 2)  # [B, C, h, w]
    x = F.interpolate(x.float(), (height, width), mode=mode, antialias=True).to(x.dtype)
    return x.permute(0, 2, 3, 1)


def resize_rows(table: Tensor, rows: int) -> Tensor:
    """Resize float[L, C] linearly along its rows to float[rows, C]."""
    return resize_map(table[None, :, None], rows, 1, "bilinear")[0, :, 0]
