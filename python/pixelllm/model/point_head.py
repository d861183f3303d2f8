"""The point head: a place in the image for every word, from the language model's last state.

PixelLLM, section 3.3. The state at a word's *input* position (the one that predicts the next
token) gives two points, the corners of the word's place, relative to the image's own extent inside
the padded frame. Nothing keeps them inside it: there is no sigmoid and no clipping.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelllm.model.config import PointHeadConfig


class PointHead(nn.Module):
    """Layer norm, then an MLP."""

    def __init__(
        self,
        config: PointHeadConfig,
        dim: int,
        *,
        pre_norm: bool = True,
        activation: Callable[[Tensor], Tensor] = F.gelu,
    ) -> None:
        super().__init__()
        self.points = config.points
        self.norm = nn.LayerNorm(dim, eps=1e-6) if pre_norm else nn.Identity()
        widths = [dim] + [config.hidden_dim] * (config.depth - 1) + [config.points * 4]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.activation = activation

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Place every word.

        Args:
            hidden: float[..., C], last decoder states before the LM head.

        Returns:
            float32[..., K, 2], (x, y) in 0-1 of the image's extent, unclipped; and as many float32
            logits that the authors' code computes and never uses. Where the configuration says
            `confidence`, the first of each pair is trained to (see `confidence`).
        """
        x: Tensor = self.norm(hidden)
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        x = torch.unflatten(in_float32(self.layers[-1], x), -1, (self.points, 4))
        return (x[..., :2] + 1) * 0.5, x[..., 2:]


def in_float32(layer: nn.Module, x: Tensor) -> Tensor:
    """A linear layer in float32, whatever its weights are made of.

    In bfloat16 a place near the right edge of a frame of 384 pixels comes in steps of 1.5 pixels.
    """
    assert isinstance(layer, nn.Linear)
    with torch.autocast(x.device.type, enabled=False):
        return F.linear(x.float(), layer.weight.float(), layer.bias.float())


def confidence(logits: Tensor) -> Tensor:
    """The logit of "this place is right", float[...], from the head's float[..., K, 2] logits."""
    return logits[..., 0].float().mean(-1)


def points_box(corners: Tensor, valid: Tensor, per_side: int = 0) -> Tensor:
    """The box around all valid points of each text.

    Args:
        corners: float[P, T, K, 2].
        valid: bool[P, T]. Where none is valid the box comes out inverted, as in the authors' code.
        per_side: where the K points are an inset grid over a box (`box_points.py`) of so many a
            side, the box reaches half a step beyond them. Corners are no such grid.

    Returns:
        float[P, 4].
    """
    points = corners.flatten(1, 2)  # [P, T * K, 2]
    counts = valid.repeat_interleave(corners.shape[2], 1)[..., None]
    low, high = points.amin(1, keepdim=True), points.amax(1, keepdim=True)
    first = torch.where(counts, points, high + 1).amin(1)
    last = torch.where(counts, points, low - 1).amax(1)
    step = (last - first) / (per_side - 1) if per_side > 1 else torch.zeros_like(first)
    return torch.cat([first - step / 2, last + step / 2], 1)
