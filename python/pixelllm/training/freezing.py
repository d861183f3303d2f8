"""Which parameters learn."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, Literal, get_args

from torch import nn

from pixelllm.training.objective import ObjectiveConfig

Part = Literal[
    "sam",
    "eva",
    "prompt_encoder",
    "extractor",
    "visual_projection",
    "language",
    "language_base",
    "language_blocks",
    "point_head",
    "mask_adapter",
    "mask_decoder",
    "detector",
]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
BASE: Final[Part] = "language_base"  # a T5 without its LoRA
BLOCKS: Final[Part] = "language_blocks"  # that without its tables of tokens
TABLES: Final = ("language.shared.", "language.lm_head.")
LORA: Final = (".lora_a", ".lora_b")


def is_part(name: str, part: Part) -> bool:
    """Whether the parameter of this name (ours) belongs to a part."""
    if part in (BASE, BLOCKS):
        base = name.startswith("language.") and not name.endswith(LORA)
        return base and not (part == BLOCKS and name.startswith(TABLES))
    return name.startswith(f"{part}.")


def untaught(objective: ObjectiveConfig) -> set[Part]:
    """Parts that no loss of the objective reaches, which have nothing to learn from."""
    found: set[Part] = set()
    if not objective.mask:
        found |= {"mask_adapter", "mask_decoder"}
    if not objective.detection:
        found.add("detector")
    if not objective.point:
        found.add("point_head")
    return found


def freeze(model: nn.Module, parts: Collection[Part]) -> None:
    """Let all parameters learn but those of these parts."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not any(is_part(name, part) for part in parts))


def learned(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters that learn, by name."""
    return ((name, p) for name, p in model.named_parameters() if p.requires_grad)


def train_learning_parts(model: nn.Module) -> None:
    """Training mode for what learns: a part that is frozen as a whole stays as it is served."""
    for part in model.children():
        part.train(any(parameter.requires_grad for parameter in part.parameters()))
