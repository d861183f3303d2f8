"""Where the language model looks while it writes, as an auxiliary loss; in training only.

To place a word, and to choose the next one, the model must find the one thing among several that
the word is about. Left to itself it learns that late, and meanwhile gives boxes between things.
Here the last cross-attention of the decoder is told: some of its heads shall attend to the visual
tokens of the thing that the word names, others to those of the thing that is named next.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn

from pixelllm.model.t5 import T5, Attention

HERE_HEADS: Final = slice(0, 2)  # attend to the thing that a word names
NEXT_HEADS: Final = slice(2, 4)  # attend to the thing that is named next


class Heed:
    """Remembers the attention of the decoder's last layer at its last teacher-forced pass."""

    def __init__(self, language: T5) -> None:
        *_, last = language.decoder.blocks()
        self._scores: Tensor | None = None
        last.cross_attention.attention.register_forward_hook(self._remember)

    def log_shares(self, mask: Tensor, visual: int) -> Tensor:
        """Logarithms of the attention of each head to each visual token, float[N, heads, T, Q].

        Args:
            mask: bool[N, S], the positions of the encoder that count.
            visual: Q, how many of them are visual tokens; they come first.
        """
        assert self._scores is not None, "the decoder has not run"
        scores = self._scores.float().masked_fill(~mask[:, None, None], -torch.inf)
        return scores.log_softmax(-1)[..., :visual]

    def _remember(self, attention: nn.Module, inputs: tuple[Any, ...], _: Tensor) -> None:
        assert isinstance(attention, Attention)
        x, source = inputs[:2]
        self._scores = attention.scores(x, source)


def heed_loss(log_shares: Tensor, wanted: Tensor) -> Tensor:
    """Mean over heads of what is missing of the attention to the wanted tokens.

    Args:
        log_shares: float[N, heads, T, Q].
        wanted: bool[N, T, Q]; a position where no token is wanted does not count.
    """
    counts = wanted.any(-1)[:, None].expand(log_shares.shape[:3])
    there = log_shares.masked_fill(~wanted[:, None], -torch.inf)
    missing = -there[counts].logsumexp(-1)
    return missing.sum() / counts.sum().clamp(min=1)
