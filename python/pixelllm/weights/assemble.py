"""A checkpoint of published parts, and of parts that are still to be trained.

Everything is checked before the first tensor is read; then each tensor is read, converted, written
and let go, so that memory holds little more than the largest of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from pixelllm.model.checkpoint import CheckpointError
from pixelllm.model.config import PixelLLMConfig, T5Config
from pixelllm.weights.eva02 import EVA02
from pixelllm.weights.initial import initial_tensor, is_initialised
from pixelllm.weights.layout import plan
from pixelllm.weights.output import Make, model_shapes, write_checkpoint
from pixelllm.weights.recipe import Source, check_shapes_made
from pixelllm.weights.sam import SAM
from pixelllm.weights.sources import open_source, read_json
from pixelllm.weights.t5 import read_t5_config, t5_part

TOKENIZER = "spiece.model"  # as transformers names it, in the folder of a T5


@dataclass(frozen=True)
class Parts:
    """Folders or files with published weights, and a sentencepiece model.

    tokenizer: None for the one beside T5.
    """

    sam: Path
    eva: Path
    t5: Path
    tokenizer: Path | None = None


def assemble(
    parts: Parts, config: PixelLLMConfig, out: Path, *, dtype: torch.dtype, seed: int
) -> PixelLLMConfig:
    """Write a checkpoint.

    The language model's numbers come from T5's `config.json`, the grids of the position tables from
    the tables; everything else is as in `config`.

    Args:
        seed: of the parts that are still to be trained.

    Raises:
        CheckpointError: a part does not fit, or `out` cannot be written; says what to do.
    """
    values = read_json(parts.t5 / "config.json")
    language = read_t5_config(values, str(parts.t5 / "config.json"), lora_of(config))
    sam, eva, t5 = open_source(parts.sam), open_source(parts.eva), open_source(parts.t5)
    config = with_grids(replace(config, language=language), sam, eva)
    shapes = model_shapes(config)

    makes: dict[str, Make] = {
        name: partial(initial_tensor, name, shape, language, seed)
        for name, shape in shapes.items()
        if is_initialised(name)
    }
    published = shapes.keys() - makes.keys()
    language_part = t5_part(values, set(t5.shapes), language.dim)
    for part, source in ((SAM, sam), (EVA02, eva), (language_part, t5)):
        expected = {name for name in published if name.startswith(part.prefixes)}
        recipes = plan(part, source, expected)
        check_shapes_made(recipes, source, shapes)
        makes |= {name: partial(recipe.make, source) for name, recipe in recipes.items()}

    tokenizer = parts.tokenizer or parts.t5 / TOKENIZER
    card = CARD.format(sam=sam.where, eva=eva.where, t5=t5.where, seed=seed)
    write_checkpoint(out, config, makes, tokenizer, dtype=dtype, card=card)
    return config


def lora_of(config: PixelLLMConfig) -> T5Config:
    """The configuration's T5, whose LoRA an assembled model gets.

    Raises:
        CheckpointError: its language model is no T5.
    """
    if not isinstance(config.language, T5Config):
        raise CheckpointError("only a model whose language model is a T5 can be assembled")
    return config.language


def with_grids(config: PixelLLMConfig, sam: Source, eva: Source) -> PixelLLMConfig:
    """A configuration whose encoders were pre-trained at the grids of these position tables."""
    for name, shape in sam.shapes.items():
        if name.endswith("encoder.pos_embed") and len(shape) == 4:
            size = shape[1] * config.sam.patch_size
            config = replace(config, sam=replace(config.sam, pretrain_image_size=size))
    for name, shape in eva.shapes.items():
        if name == "pos_embed" and len(shape) == 3:
            size = math.isqrt(shape[1] - 1) * config.eva.patch_size
            config = replace(config, eva=replace(config.eva, pretrain_image_size=size))
    return config


CARD = """# Base weights, not trained for PixelLLM

The published image encoders and language model are in place; what joins them is not trained yet.
Until it is, answers mean nothing.

| part | from |
|---|---|
| Segment Anything | `{sam}` |
| EVA02 | `{eva}` |
| T5 | `{t5}` |
| extractor, projection, point head, LoRA, further heads | initialised, seed {seed} |
"""
