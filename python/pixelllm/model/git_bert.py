"""GIT-BERT, the authors' second language model: one stack that reads a source and writes behind it.

Wang et al., "GIT: A Generative Image-to-text Transformer" (2022), as configured by the authors of
PixelLLM: 6 layers of BERT-base's size in BERT's vocabulary, trained in full. Parameter names are
those of the published GIT checkpoints without their `transformer.encoder.`.

The visual tokens, which get no position, and the prefix, which has its own positions from 0, are
the source: all of it attends to all of it, and never to the text. So what each layer reads of the
source does not depend on the text, and `encode` computes it once. The text's positions start from 0
again; a token attends to the source and to the text up to itself. There are no token types, and the
output layer shares no weights with the embedding. Padding behind a text is read like any token,
which changes states behind its end only.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelllm.model.config import GitBertConfig
from pixelllm.model.language import PAD, DecoderCache, Encoded


class GitBert(nn.Module):
    """A projection of the visual tokens, an embedding, the layers, and the output layer."""

    def __init__(self, config: GitBertConfig, visual_dim: int) -> None:
        super().__init__()
        self.config = config
        self.visual_projection = nn.Sequential(
            nn.Linear(visual_dim, config.dim), nn.LayerNorm(config.dim, eps=1e-5)
        )
        self.embedding = TextEmbedding(config)
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.output = nn.Linear(config.dim, config.vocab_size)
        self.apply(_initialise)

    def encode(self, visual: Tensor, context: Tensor | None) -> Encoded:
        """Read visual tokens followed by the prefix.

        Args:
            visual: float[B, Q, visual_dim].
            context: int[B, Tc], the prefix's tokens, PAD behind them; None for no prefix.

        Returns:
            What each layer reads of Q + Tc positions; the prefix's padding is masked.
        """
        x = self.visual_projection(visual)
        mask = torch.ones(visual.shape[:2], dtype=torch.bool, device=visual.device)
        if context is not None:
            x = torch.cat([x, self.embedding(context, _places(context))], 1)
            mask = torch.cat([mask, context > PAD], 1)
        states = []
        for layer in self.layers():
            states.append(x)
            if len(states) < self.config.layers:  # nothing reads the last layer's source
                x = layer(x, *layer.project_source(x), mask[:, None, None])
        return Encoded(torch.stack(states, 2), mask)

    def decode(self, encoded: Encoded, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """One teacher-forced pass over whole texts.

        Args:
            tokens: int[B, T], begin token first, PAD behind the end.

        Returns:
            logits float[B, T, V] of the next token, and the states float[B, T, C] before the head.
        """
        batch, length = tokens.shape
        causal = torch.ones(length, length, dtype=torch.bool, device=tokens.device).tril()
        mask = torch.cat(
            [encoded.mask[:, None].expand(-1, length, -1), causal.expand(batch, -1, -1)], 2
        )[:, None]  # [B, 1, T, S + T]
        x = self.embedding(tokens, _places(tokens))
        for index, layer in enumerate(self.layers()):
            read = torch.cat([encoded.states[:, :, index], x], 1)
            x = layer(x, *layer.project_source(read), mask)
        return self.output(x), x

    def new_cache(self, slots: int, max_text: int, max_source: int) -> DecoderCache:
        """An empty cache on this model's device, in its dtype."""
        c, like = self.config, self.output.weight

        def zeros(length: int) -> Tensor:
            shape = (c.layers, slots, c.heads, length, c.dim // c.heads)
            return torch.zeros(shape, dtype=like.dtype, device=like.device)

        mask = torch.zeros(slots, max_source, dtype=torch.bool, device=like.device)
        return DecoderCache(
            zeros(max_text), zeros(max_text), zeros(max_source), zeros(max_source), mask
        )

    def fill_cache(self, cache: DecoderCache, slots: Tensor, encoded: Encoded) -> None:
        """Start sequences: put the keys and values of their source into their slots.

        Args:
            slots: int[B], where row i of `encoded` goes.
        """
        length = encoded.states.shape[1]
        for index, layer in enumerate(self.layers()):
            keys, values = layer.project_source(encoded.states[:, :, index])
            cache.cross_keys[index, slots, :, :length] = keys
            cache.cross_values[index, slots, :, :length] = values
        cache.source_mask[slots] = F.pad(encoded.mask, (0, cache.source_mask.shape[1] - length))

    def step(
        self, tokens: Tensor, positions: Tensor, slots: Tensor, cache: DecoderCache
    ) -> tuple[Tensor, Tensor]:
        """Read one token of each of n sequences, which may stand at different positions.

        Args:
            tokens, positions, slots: int[n] each; positions count from 0, the begin token's.

        Returns:
            logits float[n, V] of the next token, and the states float[n, C] before the head.
        """
        reach = torch.arange(cache.self_keys.shape[3], device=tokens.device)
        mask = torch.cat([cache.source_mask[slots], reach <= positions[:, None]], 1)[:, None, None]
        x = self.embedding(tokens[:, None], positions[:, None])  # [n, 1, C]
        for index, layer in enumerate(self.layers()):
            keys, values = layer.project_source(x)  # [n, heads, 1, head_dim]
            cache.self_keys[index, slots, :, positions] = keys[:, :, 0]
            cache.self_values[index, slots, :, positions] = values[:, :, 0]
            keys = torch.cat([cache.cross_keys[index, slots], cache.self_keys[index, slots]], 2)
            values = torch.cat(
                [cache.cross_values[index, slots], cache.self_values[index, slots]], 2
            )
            x = layer(x, keys, values, mask)
        hidden = x[:, 0]
        return self.output(hidden), hidden

    def layers(self) -> Iterator[Layer]:
        """The layers, typed."""
        for layer in self.layer:
            assert isinstance(layer, Layer)
            yield layer


class TextEmbedding(nn.Module):
    """Words plus learned positions, normalised."""

    def __init__(self, config: GitBertConfig) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.words = nn.Embedding(config.vocab_size, config.dim)
        self.positions = nn.Embedding(config.max_positions, config.dim)
        self.layer_norm = nn.LayerNorm(config.dim, eps=1e-8)

    def forward(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """int[B, T] tokens at int[B or 1, T] positions, to float[B, T, C]."""
        x = self.layer_norm(self.words(tokens) + self.positions(positions))
        return F.dropout(x, self.dropout, self.training)


class Layer(nn.Module):
    """Attention and an MLP, each followed by the residual and a norm."""

    def __init__(self, config: GitBertConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(config.dim, config.mlp_dim)})
        self.output = Output(config.mlp_dim, config.dim, config.dropout, eps=1e-12)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """float[B, T, C] over projected keys and values, to the same.

        Args:
            keys, values: float[B, heads, S, head_dim].
            mask: bool[B, 1, T or 1, S], true where a position may be read.
        """
        x = self.attention(x, keys, values, mask)
        y: Tensor = self.output(F.gelu(self.intermediate["dense"](x)), x)
        return y

    def project_source(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of float[B, S, C], each float[B, heads, S, head_dim]."""
        return self.attention.project_source(source)


class Attention(nn.Module):
    """Multi-head attention, the residual and a norm."""

    def __init__(self, config: GitBertConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.dropout = config.dropout
        self.self = nn.ModuleDict(
            {name: nn.Linear(config.dim, config.dim) for name in ("query", "key", "value")}
        )
        self.output = Output(config.dim, config.dim, config.dropout, eps=1e-5)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """As `Layer.forward`."""
        queries = self._split(self.self["query"](x))
        dropout = self.dropout if self.training else 0.0
        read = F.scaled_dot_product_attention(queries, keys, values, mask, dropout)
        y: Tensor = self.output(read.transpose(1, 2).flatten(2), x)
        return y

    def project_source(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """As `Layer.project_source`."""
        return self._split(self.self["key"](source)), self._split(self.self["value"](source))

    def _split(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 2, (self.heads, -1)).transpose(1, 2)


class Output(nn.Module):
    """A linear layer, the residual and a norm."""

    def __init__(self, dim: int, output_dim: int, dropout: float, *, eps: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.dense = nn.Linear(dim, output_dim)
        self.LayerNorm = nn.LayerNorm(output_dim, eps=eps)

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        """float[..., dim] and float[..., output_dim], to float[..., output_dim]."""
        y: Tensor = self.LayerNorm(F.dropout(self.dense(x), self.dropout, self.training) + residual)
        return y


def _places(tokens: Tensor) -> Tensor:
    """int[1, T], the positions of int[B, T] tokens: 0, 1, 2, ..."""
    return torch.arange(tokens.shape[1], device=tokens.device)[None]


def _initialise(module: nn.Module) -> None:
    """Start as BERT does; a model that is loaded overwrites it."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
