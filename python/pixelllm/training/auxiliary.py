"""Auxiliary losses of the tiny model, in training only.

A small model that learns to see and to speak at once speaks fluently and blindly for a long time.
Linear probes shorten that: every feature cell tells the colour, kind, texture, size and box of the
thing on it, every visual token those of the thing at its place in the prompt, and the mean of
either the setting, which one word in thirty names and which is otherwise guessed for ever.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelllm.data.scene_vocabulary import SETTINGS
from pixelllm.model.config import PixelLLMConfig
from pixelllm.training.scene_labels import ATTRIBUTES, UNLABELLED

SIZES = [len(names) for names in ATTRIBUTES]
BOX = 4


class Probes(nn.Module):
    """Linear probes on feature cells and on visual tokens."""

    def __init__(self, config: PixelLLMConfig) -> None:
        super().__init__()
        outputs = sum(SIZES) + BOX
        self.cell = nn.Linear(config.feature_dim, outputs + 1)  # and whether any thing is there
        self.token = nn.Linear(config.language.dim, outputs)
        self.cell_setting = nn.Linear(config.feature_dim, len(SETTINGS))
        self.token_setting = nn.Linear(config.language.dim, len(SETTINGS))

    def cell_losses(self, fused: Tensor, labels: Tensor, boxes: Tensor) -> dict[str, Tensor]:
        """Losses of float[B, g, g, C] cells against int[B, g, g, 4] and float[B, g, g, 4]."""
        x = self.cell(fused).float()
        occupied = (labels[..., 0] != UNLABELLED).float()
        return {
            "cell_thing": F.binary_cross_entropy_with_logits(x[..., -1], occupied),
            "cell_kind": classification(x, labels),
            "cell_box": box_distance(x[..., -1 - BOX : -1], boxes, labels),
        }

    def setting_losses(self, fused: Tensor, whole: Tensor, settings: Tensor) -> dict[str, Tensor]:
        """Losses of float[B, g, g, C] cells and float[B, Q, C] visual tokens against int[B]."""
        cells = self.cell_setting(fused.mean((1, 2))).float()
        tokens = self.token_setting(whole.mean(1)).float()
        return {
            "cell_setting": F.cross_entropy(cells, settings),
            "token_setting": F.cross_entropy(tokens, settings),
        }

    def token_losses(self, visual: Tensor, labels: Tensor, boxes: Tensor) -> dict[str, Tensor]:
        """Losses of float[P, Q, C] visual tokens against int[P, Q, 4] and float[P, Q, 4]."""
        x = self.token(visual).float()
        return {
            "token_kind": classification(x, labels),
            "token_box": box_distance(x[..., -BOX:], boxes, labels),
        }


def classification(x: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of the four attributes in float[..., sum(SIZES) + ...]."""
    logits = torch.split(x[..., : sum(SIZES)], SIZES, -1)
    losses = [
        F.cross_entropy(part.flatten(0, -2), labels[..., i].flatten(), ignore_index=UNLABELLED)
        for i, part in enumerate(logits)
    ]
    return torch.stack(losses).mean()


def box_distance(x: Tensor, boxes: Tensor, labels: Tensor) -> Tensor:
    """Mean absolute difference of float[..., 4] boxes where int[..., 4] labels are set."""
    counts = (labels[..., :1] != UNLABELLED).float()
    return ((x - boxes).abs() * counts).sum() / (counts.sum().clamp(min=1) * BOX)
