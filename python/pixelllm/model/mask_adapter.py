"""The mask adapter: what the phrase adds to the box that SAM's mask decoder is prompted with.

Two learned queries read the visual tokens and the states of the text in a two-way transformer; a
gate per channel, closed at the start of training, adds them to the tokens of the box's corners.
The paper prompts SAM with the box alone; the authors' code trains this.

The authors' code reads the states of the end token and of the padding too. The decoder masks those,
so what is in them depends on how much padding there is: in theirs always as much as fits a fixed
length. Here they can be left out (`counts`), so that a phrase gives the same mask whatever it
shares a batch with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from pixelllm.model.config import MaskDecoderConfig
from pixelllm.model.two_way import TwoWayTransformer

CORNERS = 2


@dataclass(frozen=True)
class TextStates:
    """What the adapter reads of one text.

    visual: float[Q, C], the visual tokens of its prompt (`PixelLLM.visual_prefix`).
    hidden: float[T, C], the last decoder states of the begin token and of its T - 1 tokens; not of
        the end token, whose state means nothing.
    """

    visual: Tensor
    hidden: Tensor

    @staticmethod
    def pad(texts: Sequence[TextStates]) -> tuple[Tensor, Tensor, Tensor]:
        """Texts of any lengths as one batch: `visual`, `text` and `counts` of `MaskAdapter`."""
        hidden = pad_sequence([text.hidden for text in texts], batch_first=True)
        lengths = torch.tensor([len(text.hidden) for text in texts], device=hidden.device)
        counts = torch.arange(hidden.shape[1], device=hidden.device) < lengths[:, None]
        return torch.stack([text.visual for text in texts]), hidden, counts


class MaskAdapter(nn.Module):
    """Corner tokens, visual tokens and text states in, corner tokens out."""

    def __init__(self, config: MaskDecoderConfig, dim: int, visual_dim: int, text_dim: int) -> None:
        super().__init__()
        self.output_tokens = nn.Parameter(torch.randn(CORNERS, dim))
        self.visual_projection = projection(visual_dim, dim)
        self.textual_projection = projection(text_dim, dim)
        self.transformer = TwoWayTransformer(dim, config.depth, config.heads, config.mlp_dim)
        self.gate = nn.Parameter(torch.zeros(CORNERS, dim))

    def forward(
        self, corners: Tensor, visual: Tensor, text: Tensor, counts: Tensor | None = None
    ) -> Tensor:
        """Adapt the tokens of each prompt.

        Args:
            corners: float[P, CORNERS, C], the encoded corners of the box.
            visual: float[P, Q, Cv], visual tokens as the language model reads them.
            text: float[P, T, Ct], last decoder states of all positions, padding included.
            counts: bool[P, T], positions of `text` that are read; all where absent.

        Returns:
            float[P, CORNERS, C].
        """
        memory = torch.cat([self.visual_projection(visual), self.textual_projection(text)], 1)
        queries = self.output_tokens.expand(len(corners), -1, -1)
        if counts is not None:
            counts = torch.cat([counts.new_ones(visual.shape[:2]), counts], 1)
        read, _ = self.transformer(memory, torch.zeros_like(memory), queries, counts)
        adapted: Tensor = corners + self.gate.tanh() * read
        return adapted


def projection(dim: int, output_dim: int) -> nn.Sequential:
    """A norm and a linear layer."""
    return nn.Sequential(nn.LayerNorm(dim, eps=1e-6), nn.Linear(dim, output_dim))
