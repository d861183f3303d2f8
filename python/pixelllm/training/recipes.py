"""Recipes: what is trained, on what, for how long and how fast, each under a name.

The numbers are those of the authors' configurations (google-research/scenic, projects/pixel_llm,
configs; commit 4a38d475), for T5 and for BERT. What differs:

- `caption_pretrain` stands for their first stage, on WebLI, whose configuration is not published:
  it has the numbers of `trace`, and learns captions alone.
- Their configurations of `joint` do not load; the numbers are those that they name.
- The frozen encoders run as they are served. The authors' run SAM with stochastic depth up to 0.5
  while it is frozen; `noise.frozen` brings that back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from pixelllm.model.config import PixelLLMConfig
from pixelllm.training.freezing import Part
from pixelllm.training.objective import ObjectiveConfig
from pixelllm.training.optimiser import OptimiserConfig

Kind = Literal["trace", "captions", "phrases", "masks", "regions", "exchanges"]
Language = Literal["t5", "git_bert"]
# "words": the LoRA, and the tables of tokens that it reads and writes by.
Learned = Literal["lora", "words", "full", "frozen"]


@dataclass(frozen=True)
class TextLimits:
    """How long texts are, how many of an image are learned at once, and how it is framed.

    What is None is each kind's own (`targets.py`).
    """

    text_tokens: int = 128  # begin and end included; no more than the model writes
    context_tokens: int = 8  # of the prefix
    per_image: int = 1
    prefixes: Literal["authors", "model"] = "authors"  # many sentences, or the model's own alone
    spoken: Literal["by_share", "by_words"] = "by_share"  # how words of a recording find places
    prompt_drop: float = 0.0  # share of prompts that say nothing of where to look
    least_scale: float | None = None  # of an image's longer side, in sides of the frame
    largest_scale: float | None = None
    flip: float | None = None  # how often an image is mirrored
    release_bugs: bool = False  # as the release has it: prefixes that a crop has shifted


@dataclass(frozen=True)
class Noise:
    """What training disturbs at random; nothing of it is on in a part that is frozen."""

    dropout: float = 0.1  # of the language model
    drop_path: float = 0.1  # of EVA02: its last block's chance to be skipped, the first one's is 0
    frozen: bool = False  # also in frozen parts, and SAM's blocks up to 0.5: as in the release


@dataclass(frozen=True)
class Changes:
    """What becomes of the model that training starts from; None leaves it as it is."""

    extractor_depth: int | None = None  # layers; new ones begin at random
    lora_rank: int | None = None  # an old LoRA is merged into the weights; 0 has none


@dataclass(frozen=True)
class Schedule:
    """When what is kept; in steps."""

    save_every: int = 1000
    validate_every: int = 2500
    report_every: int = 50
    validation_batches: int = 50  # of each source, at most
    keep: int = 3  # the last so many checkpoints, and the best
    best_by: str = "total"  # the validation's loss that says which is best: the lowest


@dataclass(frozen=True)
class Machine:
    """How the work is done; none of it changes what is computed but for rounding.

    A batch is split into `accumulation` parts that are computed one after another, each a batch of
    its own whose gradients are averaged.
    """

    precision: Literal["bfloat16", "float32"] = "bfloat16"  # of products; weights stay float32
    checkpointing: bool = True  # recompute activations in the backward pass
    accumulation: int = 1
    sharded: bool = False  # weights spread over the processes (FSDP2), where they do not fit
    bad_steps: int = 5  # steps in a row without a finite loss and gradient that end the run


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run, besides the model it starts from and the data."""

    name: str
    kinds: tuple[Kind, ...]  # of texts that it learns
    steps: int
    batch_size: int  # of all processes together
    frozen: tuple[Part, ...] = ("sam", "prompt_encoder", "mask_decoder")
    language: Learned = "lora"  # what of the language model learns
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    texts: TextLimits = field(default_factory=TextLimits)
    noise: Noise = field(default_factory=Noise)
    changes: Changes = field(default_factory=Changes)
    schedule: Schedule = field(default_factory=Schedule)
    machine: Machine = field(default_factory=Machine)
    seed: int = 0


def _trace() -> Recipe:
    return Recipe(
        name="trace",
        kinds=("trace", "captions"),
        steps=10_000,
        batch_size=256,
        objective=ObjectiveConfig(detection=0, mask=0),
    )


def _caption_pretrain() -> Recipe:
    return replace(
        _trace(),
        name="caption_pretrain",
        kinds=("captions",),
        objective=ObjectiveConfig(point=0, detection=0, mask=0),
    )


def _ref() -> Recipe:
    return Recipe(
        name="ref",
        kinds=("phrases",),
        steps=120_000,
        batch_size=64,
        optimiser=OptimiserConfig(warm_up=1000),
        objective=ObjectiveConfig(detection=0, mask=0),
        texts=TextLimits(text_tokens=40, context_tokens=40, per_image=16),
        schedule=Schedule(save_every=4000, validate_every=10_000),
    )


def _refseg() -> Recipe:
    return Recipe(
        name="refseg",
        kinds=("masks",),
        steps=60_000,
        batch_size=64,
        frozen=(
            *("sam", "eva", "prompt_encoder", "extractor", "visual_projection", "mask_decoder"),
        ),
        language="frozen",
        optimiser=OptimiserConfig(warm_up=500, mask_adapter_factor=10.0),
        objective=ObjectiveConfig(detection=0),
        texts=TextLimits(text_tokens=40, context_tokens=40, per_image=16),
        schedule=Schedule(save_every=2000, validate_every=5000),
    )


def _densecap() -> Recipe:
    return Recipe(
        name="densecap",
        kinds=("regions",),
        steps=40_000,
        batch_size=64,
        frozen=("sam", "prompt_encoder"),
        optimiser=OptimiserConfig(
            learning_rate=1e-4, warm_up=1000, weight_decay=0.05, layer_decay=0.8
        ),
        objective=ObjectiveConfig(point=0, mask=0),
        texts=TextLimits(text_tokens=40, context_tokens=8, per_image=100),
        schedule=Schedule(save_every=5000, validate_every=5000),
    )


def _joint() -> Recipe:
    return Recipe(
        name="joint",
        kinds=("trace", "captions", "phrases", "regions", "exchanges"),
        steps=240_000,
        batch_size=128,
        optimiser=OptimiserConfig(
            learning_rate=1e-4, warm_up=2000, weight_decay=0.05, layer_decay=0.8
        ),
        objective=ObjectiveConfig(mask=0, regions=16),
        texts=TextLimits(text_tokens=128, context_tokens=32, per_image=16),
        schedule=Schedule(save_every=5000, validate_every=10_000),
    )


def _joint_refseg() -> Recipe:
    return Recipe(
        name="joint_refseg",
        kinds=("masks",),
        steps=30_000,
        batch_size=128,
        frozen=(
            *("sam", "eva", "prompt_encoder", "extractor", "visual_projection", "mask_decoder"),
            *("point_head", "detector"),
        ),
        language="frozen",
        optimiser=OptimiserConfig(learning_rate=1e-4, warm_up=250),
        objective=ObjectiveConfig(detection=0),
        texts=TextLimits(text_tokens=128, context_tokens=32, per_image=16),
        schedule=Schedule(save_every=2000, validate_every=5000),
    )


RECIPES: Final[dict[str, Callable[[], Recipe]]] = {
    "caption_pretrain": _caption_pretrain,
    "trace": _trace,
    "ref": _ref,
    "refseg": _refseg,
    "densecap": _densecap,
    "joint": _joint,
    "joint_refseg": _joint_refseg,
}


class RecipeError(ValueError):
    """A recipe that cannot be followed; the message is one sentence that says what to do."""


def recipe(name: str, language: Language) -> Recipe:
    """The recipe of that name for a model with that language model.

    Raises:
        RecipeError: there is none; the message lists those there are.
    """
    if name not in RECIPES:
        raise RecipeError(f"there is no recipe {name!r}: there are {', '.join(RECIPES)}")
    found = RECIPES[name]()
    return found if language == "t5" else _for_bert(found)


def recipe_for(name: str, config: PixelLLMConfig) -> Recipe:
    """The recipe of that name for a model.

    Raises:
        RecipeError: there is none; the message lists those there are.
    """
    chosen = recipe(name, config.language.kind)
    if config.preset == "tiny":  # its tokenizer knows the words of scenes alone
        chosen = replace(chosen, texts=replace(chosen.texts, prefixes="model"))
    return chosen


def with_ablations(
    chosen: Recipe, *, localization: bool = True, lora: Literal["on", "off", "full"] = "on"
) -> Recipe:
    """A recipe for the paper's ablations.

    Args:
        localization: whether words learn their places.
        lora: what of a T5 learns: a LoRA, nothing, or everything and no LoRA.
    """
    if not localization:
        chosen = replace(chosen, objective=replace(chosen.objective, point=0.0))
    if lora != "on":
        changes = replace(chosen.changes, lora_rank=0)
        chosen = replace(chosen, changes=changes, language="full" if lora == "full" else "frozen")
    return chosen


def _for_bert(found: Recipe) -> Recipe:
    """GIT-BERT has no LoRA and learns in full, and twice as many regions fit."""
    if found.language == "lora":
        found = replace(found, language="full")
    if found.name == "densecap":
        found = replace(found, objective=replace(found.objective, regions=64))
    return found
