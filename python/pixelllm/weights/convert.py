"""A checkpoint that was trained with the authors' code, from its flattened parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from pixelllm.model.checkpoint import CheckpointError
from pixelllm.model.config import DetectorConfig, MaskDecoderConfig, PixelLLMConfig
from pixelllm.weights.flax import flax_recipes
from pixelllm.weights.output import model_shapes, write_checkpoint
from pixelllm.weights.recipe import Recipe, Source, check_shapes_made
from pixelllm.weights.sources import open_source


def convert(
    checkpoint: Path, tokenizer: Path, config: PixelLLMConfig, out: Path, *, dtype: torch.dtype
) -> PixelLLMConfig:
    """Write a checkpoint.

    Whether the model segments and detects is seen by its parameters; everything else is as in
    `config`.

    Args:
        checkpoint: parameters under their paths joined by "/", as `.npz` or safetensors.
        tokenizer: a sentencepiece model, or `vocab.txt` for a GIT-BERT.

    Raises:
        CheckpointError: the parameters do not fit, or `out` cannot be written; says what to do.
    """
    source = open_source(checkpoint)
    recipes = flax_recipes(source.shapes)
    config = with_heads(config, recipes)
    shapes = model_shapes(config)
    check_names(recipes, source, shapes)
    check_shapes_made(recipes, source, shapes)
    makes = {name: partial(recipe.make, source) for name, recipe in recipes.items()}
    card = CARD.format(checkpoint=source.where)
    write_checkpoint(out, config, makes, tokenizer, dtype=dtype, card=card)
    return config


def with_heads(config: PixelLLMConfig, recipes: Mapping[str, Recipe]) -> PixelLLMConfig:
    """A configuration with the heads that these tensors are of."""
    if config.masks is None and any(name.startswith("mask_") for name in recipes):
        config = replace(config, masks=MaskDecoderConfig())
    if config.detector is None and any(name.startswith("detector.") for name in recipes):
        config = replace(config, detector=DetectorConfig())
    return config


def check_names(
    recipes: Mapping[str, Recipe], source: Source, shapes: Mapping[str, torch.Size]
) -> None:
    """Compare the names that come out with the model's.

    Raises:
        CheckpointError: a parameter is missing or unexpected; names the first.
    """
    unexpected = sorted(recipes[name].names[0] for name in recipes.keys() - shapes.keys())
    if unexpected:
        raise CheckpointError(
            f"{source.where} holds {unexpected[0]}, which this model does not have "
            f"({len(unexpected)} such in all)"
        )
    missing = sorted(shapes.keys() - recipes.keys())
    if missing:
        raise CheckpointError(
            f"{source.where} lacks what becomes {missing[0]} ({len(missing)} missing in all)"
        )


CARD = """# PixelLLM

Trained with the authors' code and converted from `{checkpoint}`.
"""
