"""Flan-T5, small to XL, and any T5 with a gated MLP, in the layout of `transformers`.

Our names are the same, below `language.`. LoRA is not among them: it is ours to initialise.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from functools import partial
from operator import mul

from pixelllm.model.checkpoint import CheckpointError
from pixelllm.model.config import T5Config
from pixelllm.weights.layout import Layout, Part, Rule

EMBEDDINGS = ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
HEAD = "lm_head.weight"
COPY = "a copy of shared.weight"
CROSS_POSITIONS = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
UNREAD = "a table that old files hold and no T5 reads"


def read_t5_config(values: Mapping[str, object], where: str, ours: T5Config) -> T5Config:
    """The language model that a `config.json` of transformers describes, with our LoRA.

    Raises:
        CheckpointError: it is no T5, or one of another kind; says which.
    """
    kind = values.get("model_type")
    if kind != "t5":
        raise CheckpointError(f"{where} says model_type {kind!r}: give a Flan-T5, which says 't5'")
    mlp = values.get("feed_forward_proj", "relu")
    if mlp != "gated-gelu":
        raise CheckpointError(
            f"{where} says feed_forward_proj {mlp!r}: it is the first T5, without the gated MLP of "
            "T5 1.1 and Flan-T5; give one of those"
        )
    layers = _whole(values, where, "num_layers")
    return replace(
        ours,
        vocab_size=_whole(values, where, "vocab_size"),
        dim=_whole(values, where, "d_model"),
        heads=_whole(values, where, "num_heads"),
        head_dim=_whole(values, where, "d_kv"),
        encoder_layers=layers,
        decoder_layers=_whole(values, where, "num_decoder_layers", layers),
        mlp_dim=_whole(values, where, "d_ff"),
        relative_buckets=_whole(values, where, "relative_attention_num_buckets", 32),
        relative_max_distance=_whole(values, where, "relative_attention_max_distance", 128),
    )


def t5_part(values: Mapping[str, object], names: Set[str], dim: int) -> Part:
    """What to do with the tensors `names` of a T5 whose `config.json` holds `values`.

    A T5 that ties its weights uses the embedding as its head, and scales the states before it; here
    the head stands by itself and nothing is scaled, so it becomes a scaled copy. Flan-T5 has a head
    of its own: `tie_word_embeddings` says so, or from transformers 5 on `scale_decoder_outputs`.
    """
    tied = values.get("tie_word_embeddings") is not False
    scaled = values.get("scale_decoder_outputs", tied) is not False
    convert = partial(mul, dim**-0.5) if scaled else None
    embedding = next((name for name in EMBEDDINGS if name in names), EMBEDDINGS[0])
    head = embedding if tied and HEAD not in names else HEAD
    copies = [name for name in EMBEDDINGS if name not in (embedding, head)]
    layout = Layout(
        name="transformers",
        sign="encoder.block.{x}",
        rules=(
            Rule(embedding, "language.shared.weight"),
            Rule("encoder.block.{x}", "language.encoder.block.{x}"),
            Rule("encoder.final_layer_norm.{x}", "language.encoder.final_layer_norm.{x}"),
            Rule("decoder.block.{x}", "language.decoder.block.{x}"),
            Rule("decoder.final_layer_norm.{x}", "language.decoder.final_layer_norm.{x}"),
            Rule(head, "language.lm_head.weight", convert),
        ),
        ignored=(*((name, COPY) for name in copies), (CROSS_POSITIONS, UNREAD)),
    )
    return Part(name="T5", prefixes=("language.",), layouts=(layout,))


def _whole(values: Mapping[str, object], where: str, name: str, default: int | None = None) -> int:
    """A number of the configuration; older files leave out those that have a default."""
    value = default if values.get(name) is None else values[name]
    if type(value) is not int:
        raise CheckpointError(f"{where} says {name} {value!r}, which must be a whole number")
    return value
