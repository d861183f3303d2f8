"""The model that a run starts from: a checkpoint as it is served, changed as the recipe says."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

import torch
from torch import Tensor, nn

from pixelllm.model.checkpoint import (
    CONFIG,
    CheckpointError,
    load_config,
    open_weights,
    require,
    shapes_of,
    tokenizer_file,
)
from pixelllm.model.config import GitBertConfig, PixelLLMConfig, T5Config
from pixelllm.model.delta import open_delta
from pixelllm.model.pixelllm import PixelLLM
from pixelllm.model.tensor_files import Stored
from pixelllm.training.freezing import BASE, BLOCKS, Part, freeze, untaught
from pixelllm.training.recipes import Language, Recipe, RecipeError
from pixelllm.weights.initial import initial_tensor, is_initialised

LORA: Final = (".lora_a", ".lora_b")
ADAPTED: Final = ("lora", "words")  # what learns of a language model that has a LoRA
RELEASE_DROP_PATH: Final = 0.5  # of SAM's last block in the authors' training


class Weights(Protocol):
    """Stored tensors by name."""

    def __contains__(self, name: object) -> bool: ...
    def __getitem__(self, name: str) -> Stored: ...

    def read(self, name: str) -> Tensor:
        """One tensor, in memory of its own."""


@dataclass(frozen=True)
class Start:
    """A model as it is stored, for training to start from.

    loaded: tensors of it that are in memory already, which a model in training may share.
    """

    config: PixelLLMConfig
    weights: Weights
    tokenizer: Path
    loaded: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, loaded: Mapping[str, Tensor] | None = None) -> Start:
        """A whole checkpoint.

        Raises:
            CheckpointError: it cannot be used.
        """
        require(folder, CONFIG)
        config = load_config(folder / CONFIG)
        require(folder, tokenizer_file(config))
        return cls(config, open_weights(folder), folder / tokenizer_file(config), loaded or {})

    @classmethod
    def of_delta(cls, folder: Path, base: Start) -> Start:
        """A trained model, over the base that it was trained from.

        Raises:
            CheckpointError: it cannot be used.
        """
        require(folder, CONFIG)
        config = load_config(folder / CONFIG)
        require(folder, tokenizer_file(config))
        own = open_delta(folder)
        loaded = {name: tensor for name, tensor in base.loaded.items() if name not in own}
        weights = Layers(own, base.weights)
        return cls(config, weights, folder / tokenizer_file(config), loaded)


@dataclass(frozen=True)
class Layers:
    """Stored tensors, some in place of others of the same names."""

    upper: Weights
    lower: Weights

    def __contains__(self, name: object) -> bool:
        return name in self.upper or name in self.lower

    def __getitem__(self, name: str) -> Stored:
        return self._of(name)[name]

    def read(self, name: str) -> Tensor:
        """One tensor, in memory of its own."""
        return self._of(name).read(name)

    def _of(self, name: str) -> Weights:
        return self.upper if name in self.upper else self.lower


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
        if recipe.language in ADAPTED or recipe.changes.lora_rank:
            raise RecipeError("GIT-BERT has no LoRA: it learns in full, or it is frozen")
    elif recipe.language in ADAPTED and not new_rank(recipe, config.language):
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
    elif recipe.language == "words":
        parts.add(BLOCKS)
    elif recipe.language == "frozen":
        parts.add("language")
    return parts


def prepare(model: PixelLLM, recipe: Recipe) -> None:
    """Let learn what the recipe trains."""
    freeze(model, frozen_parts(recipe))


def start_model(start: Start, recipe: Recipe) -> PixelLLM:
    """What a recipe starts from: a model, changed as the recipe says, in float32.

    Frozen weights that are stored in bfloat16 stay in it where the recipe computes in bfloat16.
    Those that are loaded already are shared, where they are changed in nothing.

    Raises:
        CheckpointError: a weight is missing that no recipe may begin at random.
        RecipeError: the model lacks what the recipe trains.
    """
    old, stored = start.config, start.weights
    check_model(recipe, old)
    new = changed(old, recipe)
    with torch.device("meta"):
        model = PixelLLM(disturbed(new, recipe))
    prepare(model, recipe)
    relearn = new.language != old.language  # another rank of LoRA
    shared = _shared(model, start, recipe, relearn=relearn)
    state = {
        name: _tensor(name, shape, stored, old, new, relearn=relearn, seed=recipe.seed)
        for name, shape in shapes_of(model).items()
        if name not in shared
    }
    if recipe.machine.precision == "bfloat16":
        _narrow(state, model, stored)
    model.load_state_dict({**state, **shared}, assign=True)
    prepare(model, recipe)  # assigning has let everything learn again
    return model


def frozen_names(model: nn.Module) -> set[str]:
    """The tensors of a prepared model that do not learn."""
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    return frozen | {name for name, _ in model.named_buffers()}


def _shared(model: PixelLLM, start: Start, recipe: Recipe, *, relearn: bool) -> dict[str, Tensor]:
    """The loaded tensors that the model can do with as they are."""
    shapes = shapes_of(model)
    dtypes = [torch.float32, *([torch.bfloat16] if recipe.machine.precision == "bfloat16" else [])]
    found = {}
    for name in frozen_names(model) & start.loaded.keys():
        tensor = start.loaded[name].detach()
        merges = relearn and name.startswith("language.")  # the old LoRA, into it
        fits = tensor.shape == shapes[name] and tensor.dtype in dtypes[: 1 if _exact(name) else 2]
        if fits and not merges and not tensor.is_inference():  # which take part in no gradient
            found[name] = tensor
    return found


def _exact(name: str) -> bool:
    """Whether a weight stays in float32, whatever the others are in."""
    return name.startswith("prompt_encoder.")


def _tensor(
    name: str,
    shape: torch.Size,
    stored: Weights,
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


def _merged(name: str, weight: Tensor, stored: Weights, old: PixelLLMConfig) -> Tensor:
    """A weight with the LoRA that it had added to it."""
    path = name.removesuffix("weight")
    if f"{path}lora_a" not in stored:
        return weight
    assert isinstance(old.language, T5Config)
    low, high = (stored.read(f"{path}{leaf}").float() for leaf in ("lora_a", "lora_b"))
    return weight + old.language.lora_scale * (low @ high).T


def _narrow(state: dict[str, Tensor], model: nn.Module, stored: Weights) -> None:
    """Keep in bfloat16 what is stored in it and does not learn."""
    for name, parameter in model.named_parameters():
        narrow = name in stored and stored[name].dtype == torch.bfloat16 and name in state
        if narrow and not parameter.requires_grad and not _exact(name):
            state[name] = state[name].bfloat16()


def fingerprint(model: nn.Module) -> int:
    """A number that tells the weights that do not learn from any others."""
    found = 0
    for parameter in model.parameters():
        if not parameter.requires_grad:
            memory = parameter.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
            found = zlib.crc32(memory.data, found)
    return found
