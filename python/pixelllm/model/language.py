"""What PixelLLM asks of its language model, whichever of the two it is: `t5.py` or `git_bert.py`.

A text is written in two moves: `encode` reads what stays the same for it, the visual tokens and
the prefix; then tokens are read, all at once (`decode`) or one by one over a cache (`step`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

PAD = 0


@dataclass
class Encoded:
    """What the decoder attends to: its source.

    states: float[B, S, ...], T5: [B, S, C], the encoder's; GIT-BERT: [B, S, layers, C], what each
        layer reads.
    mask: bool[B, S], true where they count.
    """

    states: Tensor
    mask: Tensor


@dataclass
class DecoderCache:
    """Keys and values of `slots` sequences, for every decoder layer.

    self_keys, self_values: float[layers, slots, heads, max_text, head_dim], of the text.
    cross_keys, cross_values: float[layers, slots, heads, max_source, head_dim], of the source.
    source_mask: bool[slots, max_source].
    text_mask: bool[slots, max_text], false where later tokens do not see a token; None where they
        see every one.
    """

    self_keys: Tensor
    self_values: Tensor
    cross_keys: Tensor
    cross_values: Tensor
    source_mask: Tensor
    text_mask: Tensor | None = None

    def reorder(self, slots: Tensor, parents: Tensor) -> None:
        """Let slot `slots[i]` go on with the text of slot `parents[i]` (int[n] each).

        The parents must have the same source: only what was written is copied.
        """
        self.self_keys[:, slots] = self.self_keys[:, parents]
        self.self_values[:, slots] = self.self_values[:, parents]
        if self.text_mask is not None:
            self.text_mask[slots] = self.text_mask[parents]


class LanguageModel(Protocol):
    """Reads visual tokens and a prefix, writes a text."""

    def encode(self, visual: Tensor, context: Tensor | None) -> Encoded:
        """Read visual tokens followed by the prefix.

        Args:
            visual: float[B, Q, C], as wide as this language model takes them.
            context: int[B, Tc], the prefix's tokens, PAD behind them; None for no prefix.

        Returns:
            States of Q + Tc positions; the prefix's padding is masked.
        """

    def decode(self, encoded: Encoded, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """One teacher-forced pass over whole texts.

        Args:
            tokens: int[B, T], begin token first, PAD behind the end.

        Returns:
            logits float[B, T, V] of the next token, and the states float[B, T, C] before the head.
        """

    def new_cache(self, slots: int, max_text: int, max_source: int) -> DecoderCache:
        """An empty cache on this model's device, in its dtype."""

    def fill_cache(self, cache: DecoderCache, slots: Tensor, encoded: Encoded) -> None:
        """Start sequences: put the keys and values of their source into their slots.

        Args:
            slots: int[B], where row i of `encoded` goes.
        """

    def step(
        self, tokens: Tensor, positions: Tensor, slots: Tensor, cache: DecoderCache
    ) -> tuple[Tensor, Tensor]:
        """Read one token of each of n sequences, which may stand at different positions.

        Args:
            tokens, positions, slots: int[n] each; positions count from 0, the begin token's.

        Returns:
            logits float[n, V] of the next token, and the states float[n, C] before the head.
        """
