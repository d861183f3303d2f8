"""AdamW and its schedule as the authors use them (optax; scenic, projects/pixel_llm/trainer.py).

    rate(step) = learning_rate * min(1, step / warm_up) * (1 + cos(pi * progress)) / 2

where `progress` goes from 0 at the end of the warm-up to 1 at the last step. The first step has a
rate of 0. A parameter's own factor scales its rate and, as optax does it, its decay.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

BETAS: Final = (0.9, 0.999)
EPSILON: Final = 1e-8
# One tensor here, but a vector for each token in the authors' tree, and so without decay.
VECTORS: Final = ("extractor.token_heads.bias",)
BLOCK: Final = re.compile(r"^eva\.blocks\.(\d+)\.")
STEM: Final = ("eva.patch_embed.", "eva.pos_embed")


@dataclass(frozen=True)
class OptimiserConfig:
    """The numbers of the optimiser."""

    learning_rate: float = 5e-5
    warm_up: int = 250  # steps
    weight_decay: float = 0.0  # of all but vectors: norms, biases
    layer_decay: float = (
        1.0  # EVA02's rate from one block to the one before it; the stem's is least
    )
    mask_adapter_factor: float = 1.0  # of its rate
    max_norm: float = 0.0  # gradients are scaled down to it; 0 leaves them, as the authors do


def learning_rate(step: int, steps: int, config: OptimiserConfig) -> float:
    """The rate of a step, counted from 0, of so many.

    Behind the last step the cosine starts again, as the authors' does.
    """
    progress = max(0.0, (step - config.warm_up) / max(1, steps - config.warm_up)) % 1.0
    warmth = min(1.0, step / config.warm_up) if config.warm_up else 1.0
    return config.learning_rate * warmth * (1 + math.cos(math.pi * progress)) / 2


def rate_factor(name: str, config: OptimiserConfig, eva_depth: int) -> float:
    """What scales the rate of the parameter of this name (ours)."""
    if name.startswith("mask_adapter."):
        return config.mask_adapter_factor
    if name.startswith(STEM):
        return config.layer_decay ** (eva_depth + 1)
    block = BLOCK.match(name)
    if block:
        return config.layer_decay ** (eva_depth - int(block[1]))
    return 1.0


def is_decayed(name: str, parameter: nn.Parameter) -> bool:
    """Whether weight decay applies."""
    return parameter.ndim != 1 and name not in VECTORS


def make_optimiser(
    parameters: Iterable[tuple[str, nn.Parameter]], config: OptimiserConfig, eva_depth: int
) -> torch.optim.AdamW:
    """AdamW over named parameters; `set_rate` says how fast, before every step."""
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in parameters:
        key = (rate_factor(name, config, eva_depth), is_decayed(name, parameter))
        groups.setdefault(key, []).append(parameter)
    settings: list[dict[str, Any]] = [
        {
            "params": members,
            "factor": factor,
            "weight_decay": config.weight_decay if decayed else 0.0,
        }
        for (factor, decayed), members in groups.items()
    ]
    return torch.optim.AdamW(settings, lr=0.0, betas=BETAS, eps=EPSILON)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give every parameter its rate of this step."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]
