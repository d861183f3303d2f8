"""The mask adapter: what the phrase adds to the box that SAM's mask decoder is prompted with.

Two learned queries read the visual tokens and the states of the text in a two-way transformer; a
gate per channel, closed at the start of training, adds them to the tokens of the box's corners.
The paper prompts SAM with the box alone; the authors' code trains this.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pixelllm.model.config import MaskDecoderConfig
from pixelllm.model.two_way import TwoWayTransformer

CORNERS = 2


class MaskAdapter(nn.Module):
    """Corner tokens, visual tokens and text states in, corner tokens out."""

    def __init__(self, config: MaskDecoderConfig, dim: int, visual_dim: int, text_dim: int) -> None:
        super().__init__()
        self.output_tokens = nn.Parameter(torch.randn(CORNERS, dim))
        self.visual_projection = projection(visual_dim, dim)
        self.textual_projection = projection(text_dim, dim)
        self.transformer = TwoWayTransformer(dim, config.depth, config.heads, config.mlp_dim)
        self.gate = nn.Parameter(torch.zeros(CORNERS, dim))

    def forward(self, corners: Tensor, visual: Tensor, text: Tensor) -> Tensor:
        """Adapt the tokens of each prompt.

        Args:
            corners: float[P, CORNERS, C], the encoded corners of the box.
            visual: float[P, Q, Cv], visual tokens as the language model reads them.
            text: float[P, T, Ct], last decoder states of all positions, padding included.

        Returns:
            float[P, CORNERS, C].
        """
        memory = torch.cat([self.visual_projection(visual), self.textual_projection(text)], 1)
        queries = self.output_tokens.expand(len(corners), -1, -1)
        read, _ = self.transformer(memory, torch.zeros_like(memory), queries)
        adapted: Tensor = corners + self.gate.tanh() * read
        return adapted


def projection(dim: int, output_dim: int) -> nn.Sequential:
    """A norm and a linear layer."""
    return nn.Sequential(nn.LayerNorm(dim, eps=1e-6), nn.Linear(dim, output_dim))
