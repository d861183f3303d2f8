"""The model that a run starts from: a checkpoint as it is served, changed as the recipe says."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from pixelllm.model.checkpoint import CONFIG, CheckpointError, load_config, open_weights, shapes_of
from pixelllm.model.config import GitBertConfig, PixelLLMConfig, T5Config
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.model.tensor_files import TensorFiles
from pixelllm.training.freezing import BASE, Part, freeze, untaught
from pixelllm.training.recipes import Language, Recipe, RecipeError
from pixelllm.weights.initial import initial_tensor, is_initialised

LORA: Final = (".lora_a", ".lora_b")
RELEASE_DROP_PATH: Final = 0.5  # of SAM's last block in the authors' training


def language_of(config: PixelLLMConfig) -> Language:
    """Which of the two language models a model has."""
    return config.language.kind


def check_model(recipe: Recipe, config: PixelLLMConfig) -> None:
    """Check that a model has the parts that a recipe trains.

    Raises:
        RecipeError: it has not.
    """
    if recipe.objective.mask and not config.masks:
        raise RecipeError(
            f"{recipe.name} learns masks, and this model has no mask decoder: "
            "make one with `python -m pixelllm.weights assemble --segments`"
        )
    if recipe.objective.detection and not config.detector:
        raise RecipeError(
            f"{recipe.name} learns regions, and this model has no detector: "
            "make one with `python -m pixelllm.weights assemble --detects`"
        )
    if isinstance(config.language, GitBertConfig):
        if recipe.language == "lora" or recipe.changes.lora_rank:
            raise RecipeError("GIT-BERT has no LoRA: it learns in full, or it is frozen")
    elif recipe.language == "lora" and not new_rank(recipe, config.language):
        raise RecipeError(
            "this model has no LoRA: set changes.lora_rank, or language to full or frozen"
        )


def new_rank(recipe: Recipe, language: T5Config) -> int:
    """The rank of LoRA that is trained."""
    rank = recipe.changes.lora_rank
    return language.lora_rank if rank is None else rank


def changed(config: PixelLLMConfig, recipe: Recipe) -> PixelLLMConfig:
    """The architecture after training: what the recipe changes of it."""
    if recipe.changes.extractor_depth is not None:
        extractor = replace(config.extractor, depth=recipe.changes.extractor_depth)
        config = replace(config, extractor=extractor)
    if isinstance(config.language, T5Config):
        language = replace(config.language, lora_rank=new_rank(recipe, config.language))
        config = replace(config, language=language)
    return config


def disturbed(config: PixelLLMConfig, recipe: Recipe) -> PixelLLMConfig:
    """The same with what disturbs it in training."""
    noise = recipe.noise
    return replace(
        config,
        language=replace(config.language, dropout=noise.dropout),
        eva=replace(config.eva, drop_path=noise.drop_path),
        sam=replace(config.sam, drop_path=RELEASE_DROP_PATH if noise.frozen else 0.0),
    )


def frozen_parts(recipe: Recipe) -> set[Part]:
    """What does not learn."""
    parts = set(recipe.frozen) | untaught(recipe.objective)
    if recipe.language == "lora":
        parts.add(BASE)
    elif recipe.language == "frozen":
        parts.add("language")
    return parts


def prepare(model: PixelLLM, recipe: Recipe) -> None:
    """Let learn what the recipe trains."""
    freeze(model, frozen_parts(recipe))


def start_model(folder: Path, recipe: Recipe) -> PixelLLM:
    """Read a checkpoint and change it as the recipe says, in float32.

    Frozen weights that are stored in bfloat16 stay in it where the recipe computes in bfloat16.

    Raises:
        CheckpointError: a weight is missing that no recipe may begin at random.
        RecipeError: the model lacks what the recipe trains.
    """
    old = load_config(folder / CONFIG)
    check_model(recipe, old)
    new = changed(old, recipe)
    with torch.device("meta"):
        model = PixelLLM(disturbed(new, recipe))
    prepare(model, recipe)
    stored = open_weights(folder)
    relearn = new.language != old.language  # another rank of LoRA
    state = {
        name: _tensor(name, shape, stored, old, new, relearn=relearn, seed=recipe.seed)
        for name, shape in shapes_of(model).items()
    }
    if recipe.machine.precision == "bfloat16":
        _narrow(state, model, stored)
    model.load_state_dict(state, assign=True)
    prepare(model, recipe)  # assigning has let everything learn again
    return model


def _tensor(
    name: str,
    shape: torch.Size,
    stored: TensorFiles,
    old: PixelLLMConfig,
    new: PixelLLMConfig,
    *,
    relearn: bool,
    seed: int,
) -> Tensor:
    """What a tensor starts as."""
    lora = name.endswith(LORA)
    if name in stored and stored[name].shape == shape and not (lora and relearn):
        tensor = stored.read(name).float()
        return _merged(name, tensor, stored, old) if relearn else tensor
    if not is_initialised(name):
        raise CheckpointError(f"the weights lack {name}, which a recipe cannot begin at random")
    language = new.language if isinstance(new.language, T5Config) else T5Config()
    return initial_tensor(name, shape, language, seed)


def _merged(name: str, weight: Tensor, stored: TensorFiles, old: PixelLLMConfig) -> Tensor:
    """A weight with the LoRA that it had added to it."""
    path = name.removesuffix("weight")
    if f"{path}lora_a" not in stored:
        return weight
    assert isinstance(old.language, T5Config)
    low, high = (stored.read(f"{path}{leaf}").float() for leaf in ("lora_a", "lora_b"))
    return weight + old.language.lora_scale * (low @ high).T


def _narrow(state: dict[str, Tensor], model: nn.Module, stored: TensorFiles) -> None:
    """Keep in bfloat16 what is stored in it and does not learn."""
    for name, parameter in model.named_parameters():
        narrow = name in stored and stored[name].dtype == torch.bfloat16
        if narrow and not parameter.requires_grad and not name.startswith("prompt_encoder."):
            state[name] = state[name].bfloat16()


def fingerprint(model: nn.Module) -> int:
    """A number that tells the weights that do not learn from any others."""
    found = 0
    for parameter in model.parameters():
        if not parameter.requires_grad:
            memory = parameter.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
            found = zlib.crc32(memory.data, found)
    return found
