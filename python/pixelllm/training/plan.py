"""What a training job does: its recipe, with what was asked for and what suits a service.

A job that sets none of them reports about twenty times and saves about five times. On a CPU it
computes an image at a time, so that the worker can answer requests in between, and keeps its
activations instead of computing them again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import torch

from pixelllm.model.config import PixelLLMConfig
from pixelllm.training.overrides import assignments, flatten, override
from pixelllm.training.recipes import Machine, Recipe, RecipeError, Schedule, recipe_for
from pixelllm.training.sources import target_options
from pixelllm.training.starting import check_model

REPORTS: Final = 20  # of a job, at least
CHECKPOINTS: Final = 5
OWN: Final = ("name", "kinds", "seed")  # settings of a recipe that are none of a job's
AT_LEAST_ONE: Final = (
    *("steps", "batch_size", "machine.accumulation", "machine.bad_steps", "schedule.keep"),
    *("objective.regions", "changes.extractor_depth"),
)
SHARES: Final = ("noise.dropout", "noise.drop_path", "texts.flip", "texts.prompt_drop")


def planned(
    name: str,
    hyperparameters: Mapping[str, object],
    seed: int,
    config: PixelLLMConfig,
    device: torch.device,
) -> Recipe:
    """The recipe of a job for a model.

    Raises:
        RecipeError: it cannot be followed.
    """
    _refuse(hyperparameters)
    chosen = override(recipe_for(name, config), assignments(hyperparameters))
    chosen = replace(chosen, seed=seed)
    _check_numbers(chosen)
    chosen = replace(
        chosen,
        machine=_machine(chosen, hyperparameters, device),
        schedule=_schedule(chosen, hyperparameters),
    )
    if chosen.batch_size % chosen.machine.accumulation:
        raise RecipeError(
            f"batch_size {chosen.batch_size} does not divide into machine.accumulation "
            f"{chosen.machine.accumulation} parts: set one to a multiple of the other"
        )
    check_model(chosen, config)
    for kind in chosen.kinds:
        try:
            target_options(kind, chosen, config)
        except ValueError as error:
            raise RecipeError(f"texts of the recipe: {error}") from error
    return chosen


def _refuse(hyperparameters: Mapping[str, object]) -> None:
    for name in OWN:
        if name in hyperparameters:
            raise RecipeError(f"{name} is no hyperparameter: the job itself says it")
    if hyperparameters.get("machine.sharded") not in (None, False, "false"):
        raise RecipeError("machine.sharded needs several processes, and a job has one: leave it")


def _check_numbers(chosen: Recipe) -> None:
    for name, value in flatten(chosen).items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        least = 1 if name in AT_LEAST_ONE else 0
        if not math.isfinite(value) or value < least:
            raise RecipeError(f"{name} has to be a number from {least} on, not {value}")
        if name in SHARES and value > 1:
            raise RecipeError(f"{name} has to be a share from 0 to 1, not {value}")


def _machine(
    chosen: Recipe, hyperparameters: Mapping[str, object], device: torch.device
) -> Machine:
    machine = chosen.machine
    if device.type == "cpu":
        if "machine.accumulation" not in hyperparameters:
            machine = replace(machine, accumulation=chosen.batch_size)
        if "machine.checkpointing" not in hyperparameters:
            machine = replace(machine, checkpointing=False)
    return machine


def _schedule(chosen: Recipe, hyperparameters: Mapping[str, object]) -> Schedule:
    schedule = chosen.schedule
    if "schedule.report_every" not in hyperparameters:
        often = max(1, chosen.steps // REPORTS)
        schedule = replace(schedule, report_every=min(schedule.report_every, often))
    if "schedule.save_every" not in hyperparameters:
        often = max(1, chosen.steps // CHECKPOINTS)
        schedule = replace(schedule, save_every=min(schedule.save_every, often))
    return schedule
