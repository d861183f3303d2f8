"""T5 1.1 (Flan-T5) with LoRA, as full passes for training and as single steps for serving.

Raffel et al. (2020) and Chung et al. (2022); LoRA: Hu et al. (2021). Parameter names are those of
the published `transformers` checkpoints. The decoder's cache is explicit: fixed-size tensors with
one row ("slot") per sequence, so that sequences of different age share a step.

Three things are kept from the authors' code. LoRA adds `scale` times A·B, not alpha / rank. The
embedding and the LM head are separate, and logits are not scaled. A decoder position whose *next*
token is padding attends to every key alike: all its keys are masked, and a softmax over equal
biases is uniform, and no other position attends to it. That only matters behind the end of a
text, unless the model writes padding in the middle of one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pixelllm.model.config import T5Config
from pixelllm.model.language import PAD, DecoderCache, Encoded

MASKED = -1e10  # added to a score; finite, so that a fully masked row is uniform and not NaN


class T5(nn.Module):
    """Encoder and decoder over a shared embedding, and the LM head."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.config = config
        self.shared = nn.Embedding(config.vocab_size, config.dim)
        self.encoder = Stack(config, config.encoder_layers, decoder=False)
        self.decoder = Stack(config, config.decoder_layers, decoder=True)
        self.lm_head = nn.Linear(config.dim, config.vocab_size, bias=False)

    def encode(self, visual: Tensor, context: Tensor | None) -> Encoded:
        """Encode visual tokens followed by the prefix.

        Args:
            visual: float[B, Q, C].
            context: int[B, Tc], the prefix's tokens, PAD behind them; None for no prefix.

        Returns:
            States of Q + Tc positions; the prefix's padding is masked.
        """
        x = visual
        mask = torch.ones(visual.shape[:2], dtype=torch.bool, device=visual.device)
        if context is not None:
            x = torch.cat([x, self._dropout(self.shared(context)).to(x.dtype)], 1)
            mask = torch.cat([mask, context > PAD], 1)
        bias = self.encoder.position_bias(x.shape[1]) + mask_bias(
            mask[:, None, :, None] & mask[:, None, None, :]
        )
        for block in self.encoder.blocks():
            x = block(x, bias)
        return Encoded(self.encoder.finish(x), mask)

    def decode(self, encoded: Encoded, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """One teacher-forced pass over whole texts.

        Args:
            tokens: int[B, T], begin token first, PAD behind the end.

        Returns:
            logits float[B, T, V] of the next token, and the states float[B, T, C] before the head.
        """
        length = tokens.shape[1]
        speaks = F.pad(tokens[:, 1:], (0, 1)) > PAD  # false where the next token is padding
        causal = torch.ones(length, length, dtype=torch.bool, device=tokens.device).tril()
        self_bias = self.decoder.position_bias(length) + mask_bias(
            causal & speaks[:, None, :, None] & speaks[:, None, None, :]
        )
        cross_bias = mask_bias(speaks[:, None, :, None] & encoded.mask[:, None, None, :])
        x = self._dropout(self.shared(tokens))
        for block in self.decoder.blocks():
            x = block(x, self_bias, encoded.states, cross_bias)
        hidden = self.decoder.normalise(x)
        return self.lm_head(self._dropout(hidden)), hidden

    def new_cache(self, slots: int, max_text: int, max_source: int) -> DecoderCache:
        """An empty cache on this model's device, in its dtype."""
        c, like = self.config, self.lm_head.weight

        def zeros(length: int) -> Tensor:
            shape = (c.decoder_layers, slots, c.heads, length, c.head_dim)
            return torch.zeros(shape, dtype=like.dtype, device=like.device)

        return DecoderCache(
            zeros(max_text),
            zeros(max_text),
            zeros(max_source),
            zeros(max_source),
            source_mask=torch.zeros(slots, max_source, dtype=torch.bool, device=like.device),
            text_mask=torch.ones(slots, max_text, dtype=torch.bool, device=like.device),
        )

    def fill_cache(self, cache: DecoderCache, slots: Tensor, encoded: Encoded) -> None:
        """Start sequences: put the keys and values of what they attend to into their slots.

        Args:
            slots: int[B], where row i of `encoded` goes.
        """
        length = encoded.states.shape[1]
        for layer, block in enumerate(self.decoder.blocks()):
            keys, values = block.cross_attention.attention.project_source(encoded.states)
            cache.cross_keys[layer, slots, :, :length] = keys
            cache.cross_values[layer, slots, :, :length] = values
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
        max_text = cache.self_keys.shape[3]
        reach = torch.arange(max_text, device=tokens.device)
        assert cache.text_mask is not None
        # As in `decode`: what comes before a padding token is masked. Nothing is before position 0.
        cache.text_mask[slots, (positions - 1).clamp(min=0)] = tokens != PAD
        cache.text_mask[slots, positions] = True
        seen = (reach <= positions[:, None]) & cache.text_mask[slots]
        self_bias = self.decoder.step_bias(positions, max_text) + mask_bias(seen[:, None, None])
        cross_bias = mask_bias(cache.source_mask[slots][:, None, None])
        x = self.shared(tokens)[:, None]  # [n, 1, C]
        for layer, block in enumerate(self.decoder.blocks()):
            x = block.step(x, positions, slots, cache, layer, self_bias, cross_bias)
        hidden = self.decoder.normalise(x)[:, 0]
        return self.lm_head(hidden), hidden

    def _dropout(self, x: Tensor) -> Tensor:
        return length_dropout(x, self.config.dropout, self.training)


class Stack(nn.Module):
    """The blocks of the encoder or the decoder; block 0 holds the relative-position table."""

    def __init__(self, config: T5Config, layers: int, *, decoder: bool) -> None:
        super().__init__()
        self.config = config
        self.is_decoder = decoder
        self.block = nn.ModuleList(
            Block(config, decoder=decoder, positions=i == 0) for i in range(layers)
        )
        self.final_layer_norm = RMSNorm(config.dim)

    def blocks(self) -> Iterator[Block]:
        """The blocks, typed."""
        for block in self.block:
            assert isinstance(block, Block)
            yield block

    def normalise(self, x: Tensor) -> Tensor:
        """The final norm, float[..., C]."""
        y: Tensor = self.final_layer_norm(x)
        return y

    def finish(self, x: Tensor) -> Tensor:
        """The final norm and, in training, dropout of single values (not of whole channels)."""
        return F.dropout(self.normalise(x), self.config.dropout, self.training)

    def position_bias(self, length: int) -> Tensor:
        """float[1, heads, length, length] of every query (row) and key (column)."""
        position = torch.arange(length, device=self._table.device)
        return self._bias(position[None, :] - position[:, None])[None]

    def step_bias(self, positions: Tensor, length: int) -> Tensor:
        """float[n, heads, 1, length] of a query at each of int[n] positions."""
        key = torch.arange(length, device=positions.device)
        return self._bias(key - positions[:, None]).transpose(0, 1)[:, :, None]

    @property
    def _table(self) -> Tensor:
        table = next(self.blocks()).self_attention.attention.relative_attention_bias
        assert table is not None
        return table.weight

    def _bias(self, distance: Tensor) -> Tensor:
        """float[heads, *distance.shape] of int distances, key minus query."""
        bucket = relative_bucket(
            distance,
            bidirectional=not self.is_decoder,
            buckets=self.config.relative_buckets,
            max_distance=self.config.relative_max_distance,
        )
        return F.embedding(bucket, self._table).movedim(-1, 0)


class Block(nn.Module):
    """Self-attention, in the decoder cross-attention, and the MLP; pre-norm."""

    def __init__(self, config: T5Config, *, decoder: bool, positions: bool) -> None:
        super().__init__()
        self.dropout = config.dropout
        layers: list[nn.Module] = [AttentionLayer(config, "SelfAttention", positions=positions)]
        if decoder:
            layers.append(AttentionLayer(config, "EncDecAttention"))
        layers.append(MlpLayer(config))
        self.layer = nn.ModuleList(layers)

    @property
    def self_attention(self) -> AttentionLayer:
        """The first layer."""
        layer = self.layer[0]
        assert isinstance(layer, AttentionLayer)
        return layer

    @property
    def cross_attention(self) -> AttentionLayer:
        """The decoder's second layer, which reads the encoder."""
        layer = self.layer[1]
        assert isinstance(layer, AttentionLayer)
        return layer

    def forward(
        self,
        x: Tensor,
        self_bias: Tensor,
        source: Tensor | None = None,
        cross_bias: Tensor | None = None,
    ) -> Tensor:
        """float[B, T, C] to the same."""
        y = self.self_attention.layer_norm(x)
        x = x + self._drop(self.self_attention.attention(y, y, self_bias))
        if source is not None:
            y = self.cross_attention.layer_norm(x)
            x = x + self._drop(self.cross_attention.attention(y, source, cross_bias))
        return x + self._drop(self._mlp(x))

    def step(
        self,
        x: Tensor,
        positions: Tensor,
        slots: Tensor,
        cache: DecoderCache,
        layer: int,
        self_bias: Tensor,
        cross_bias: Tensor,
    ) -> Tensor:
        """float[n, 1, C] to the same, with this layer's keys and values from and into the cache."""
        own, cross = self.self_attention, self.cross_attention
        y = own.layer_norm(x)
        keys, values = own.attention.project_source(y)  # [n, heads, 1, head_dim]
        cache.self_keys[layer, slots, :, positions] = keys[:, :, 0]
        cache.self_values[layer, slots, :, positions] = values[:, :, 0]
        x = x + own.attention.attend(
            y, cache.self_keys[layer, slots], cache.self_values[layer, slots], self_bias
        )
        y = cross.layer_norm(x)
        x = x + cross.attention.attend(
            y, cache.cross_keys[layer, slots], cache.cross_values[layer, slots], cross_bias
        )
        return x + self._mlp(x)

    def _mlp(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer[-1](x)
        return y

    def _drop(self, x: Tensor) -> Tensor:
        return length_dropout(x, self.dropout, self.training)


class AttentionLayer(nn.Module):
    """A norm and an attention, under the name that published checkpoints give it."""

    def __init__(self, config: T5Config, name: str, *, positions: bool = False) -> None:
        super().__init__()
        self._name_of_attention = name
        self.add_module(name, Attention(config, positions=positions))
        self.layer_norm = RMSNorm(config.dim)

    @property
    def attention(self) -> Attention:
        """The attention."""
        module = getattr(self, self._name_of_attention)
        assert isinstance(module, Attention)
        return module


class Attention(nn.Module):
    """Multi-head attention without scaling: it is folded into the trained query weights."""

    def __init__(self, config: T5Config, *, positions: bool) -> None:
        super().__init__()
        inner = config.heads * config.head_dim
        rank, scale = config.lora_rank, config.lora_scale
        self.heads = config.heads
        self.dropout = config.dropout
        self.q = LoRALinear(config.dim, inner, rank, scale)
        self.k = nn.Linear(config.dim, inner, bias=False)
        self.v = LoRALinear(config.dim, inner, rank, scale)
        self.o = nn.Linear(inner, config.dim, bias=False)
        self.relative_attention_bias = (
            nn.Embedding(config.relative_buckets, config.heads) if positions else None
        )

    def forward(self, x: Tensor, source: Tensor, bias: Tensor | None) -> Tensor:
        """float[B, T, C] queries, float[B, S, C] keys and values, to float[B, T, C]."""
        keys, values = self.project_source(source)
        return self.attend(x, keys, values, bias)

    def project_source(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of float[B, S, C], each float[B, heads, S, head_dim]."""
        return self._split(self.k(source)), self._split(self.v(source))

    def attend(self, x: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None) -> Tensor:
        """float[B, T, C] over projected keys and values, to float[B, T, C]."""
        q = self._split(self.q(x))
        bias = None if bias is None else bias.to(q.dtype)
        dropout = self.dropout if self.training else 0.0
        x = F.scaled_dot_product_attention(q, keys, values, bias, dropout, scale=1.0)
        y: Tensor = self.o(x.transpose(1, 2).flatten(2))
        return y

    def scores(self, x: Tensor, source: Tensor) -> Tensor:
        """What the softmax is taken of, without a bias: float[B, heads, T, S]."""
        scores: Tensor = self._split(self.q(x)) @ self._split(self.k(source)).transpose(2, 3)
        return scores

    def _split(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 2, (self.heads, -1)).transpose(1, 2)


class MlpLayer(nn.Module):
    """A norm and the gated MLP."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.DenseReluDense = GatedMlp(config)
        self.layer_norm = RMSNorm(config.dim)

    def forward(self, x: Tensor) -> Tensor:
        """float[..., C] to the same, without the residual."""
        y: Tensor = self.DenseReluDense(self.layer_norm(x))
        return y


class GatedMlp(nn.Module):
    """Tanh-GELU gate times a linear layer, then a linear layer."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.wi_0 = nn.Linear(config.dim, config.mlp_dim, bias=False)
        self.wi_1 = nn.Linear(config.dim, config.mlp_dim, bias=False)
        self.wo = nn.Linear(config.mlp_dim, config.dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """float[..., C] to the same."""
        x = F.gelu(self.wi_0(x), approximate="tanh") * self.wi_1(x)
        y: Tensor = self.wo(length_dropout(x, self.dropout, self.training))
        return y


class LoRALinear(nn.Linear):
    """A linear layer without bias whose weight is `weight + scale * (lora_a @ lora_b)^T`."""

    def __init__(self, dim: int, output_dim: int, rank: int, scale: float) -> None:
        super().__init__(dim, output_dim, bias=False)
        self.scale = scale
        self.rank = rank
        if rank:
            self.lora_a = nn.Parameter(torch.randn(dim, rank) * dim**-0.5)
            self.lora_b = nn.Parameter(torch.zeros(rank, output_dim))

    def forward(self, x: Tensor) -> Tensor:
        """float[..., dim] to float[..., output_dim]."""
        y = F.linear(x, self.weight)
        if self.rank:
            y = y + self.scale * (x @ self.lora_a @ self.lora_b)
        return y


class RMSNorm(nn.Module):
    """T5's layer norm: no mean, no bias."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """float[..., C] to the same."""
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), 1e-6)


def mask_bias(allowed: Tensor) -> Tensor:
    """0 where bool `allowed` is true, MASKED elsewhere; float32 of the same shape."""
    return torch.zeros(allowed.shape, device=allowed.device).masked_fill(~allowed, MASKED)


def relative_bucket(
    distance: Tensor, *, bidirectional: bool, buckets: int, max_distance: int
) -> Tensor:
    """T5's buckets of int distances (key minus query): exact when near, logarithmic when far."""
    offset = torch.zeros_like(distance)
    if bidirectional:
        buckets //= 2
        offset = (distance > 0) * buckets
        distance = distance.abs()
    else:
        distance = (-distance).clamp(min=0)
    exact = buckets // 2
    far = exact + (
        (distance.clamp(min=1).float() / exact).log()
        / math.log(max_distance / exact)
        * (buckets - exact)
    ).to(distance.dtype)
    return offset + torch.where(distance < exact, distance, far.clamp(max=buckets - 1))


def length_dropout(x: Tensor, rate: float, training: bool) -> Tensor:
    """Dropout of whole channels: float[B, T, C], one mask for all positions of a text."""
    if not training or not rate:
        return x
    return x * F.dropout(torch.ones_like(x[:, :1]), rate)
