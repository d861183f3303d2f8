"""What a job does: the recipe, what was asked for, and what suits a service; or what is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pixelllm.contract import TrainingPlan
from pixelllm.model.checkpoint import CONFIG, checkpoint_folder, load_config
from pixelllm.tasks.errors import TaskError
from pixelllm.training.job import check_plan
from pixelllm.training.plan import planned
from pixelllm.training.recipes import Recipe, recipe

TINY = checkpoint_folder("tiny")
CONFIGURATION = load_config(TINY / CONFIG)
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def plan(device: torch.device = CPU, **settings: Any) -> Recipe:
    named = {name.replace("__", "."): value for name, value in settings.items()}
    return planned("trace", named, 7, CONFIGURATION, device)


def test_settings_are_set_by_name_and_the_rest_is_the_recipes() -> None:
    chosen = plan(
        steps=300.0,
        batch_size=8,
        optimiser__learning_rate=0.0005,
        frozen=["sam", "eva"],
        noise__frozen=True,
        language="full",
    )

    assert (chosen.steps, chosen.batch_size, chosen.seed) == (300, 8, 7)
    assert chosen.optimiser.learning_rate == 0.0005
    assert chosen.frozen == ("sam", "eva")
    assert chosen.noise.frozen
    assert chosen.language == "full"
    assert chosen.optimiser.warm_up == recipe("trace", "t5").optimiser.warm_up
    assert chosen.texts.prefixes == "model"


@pytest.mark.parametrize(
    ("steps", "report_every", "save_every"),
    [(3, 1, 1), (100, 5, 20), (300, 15, 60), (100_000, 50, 1000)],
)
def test_a_service_reports_and_saves_often_enough(
    steps: int, report_every: int, save_every: int
) -> None:
    schedule = plan(steps=steps).schedule

    assert (schedule.report_every, schedule.save_every) == (report_every, save_every)


def test_what_is_set_is_not_made_to_suit_a_service() -> None:
    chosen = plan(
        steps=300,
        batch_size=8,
        schedule__report_every=300,
        schedule__save_every=100,
        machine__accumulation=2,
        machine__checkpointing=True,
    )

    assert (chosen.schedule.report_every, chosen.schedule.save_every) == (300, 100)
    assert (chosen.machine.accumulation, chosen.machine.checkpointing) == (2, True)


def test_a_cpu_computes_an_image_at_a_time() -> None:
    on_cpu, on_cuda = plan(batch_size=8).machine, plan(CUDA, batch_size=8).machine

    assert (on_cpu.accumulation, on_cpu.checkpointing) == (8, False)
    assert (on_cuda.accumulation, on_cuda.checkpointing) == (1, True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"speed": 3}, "there is no setting 'speed'"),
        ({"steps": 0}, "steps has to be a number from 1 on, not 0"),
        ({"steps": 2.5}, "steps is a whole number, not '2.5'"),
        ({"steps": "many"}, "steps is a whole number, not 'many'"),
        ({"batch_size": 6, "machine__accumulation": 4}, "batch_size 6 does not divide"),
        ({"optimiser__learning_rate": "nan"}, "optimiser.learning_rate has to be a number from 0"),
        ({"optimiser__weight_decay": -1}, "optimiser.weight_decay has to be a number from 0 on"),
        ({"noise__dropout": 1.5}, "noise.dropout has to be a share from 0 to 1"),
        ({"texts__text_tokens": 1}, "texts of the recipe: count and context_tokens"),
        ({"frozen": ["wheels"]}, "frozen is one of sam, eva"),
        ({"noise__frozen": 3}, "noise.frozen is true or false, not '3'"),
        ({"seed": 3}, "seed is no hyperparameter: the job itself says it"),
        ({"machine__sharded": True}, "machine.sharded needs several processes"),
        ({"objective": 3}, "'objective' is several settings: objective.text"),
    ],
)
def test_what_cannot_be_followed_is_told(settings: dict[str, Any], message: str) -> None:
    named = {name.replace("__", "."): value for name, value in settings.items()}

    with pytest.raises(TaskError) as caught:
        check_plan(asked(hyperparameters=named), TINY)

    assert caught.value.code == "invalid_request"
    assert message in caught.value.message


def asked(**changes: Any) -> TrainingPlan:
    given: dict[str, Any] = {
        "recipe": "trace",
        "base_folder": None,
        "hyperparameters": {},
        "seed": 0,
        **changes,
    }
    found: TrainingPlan = given  # type: ignore[assignment]  # as the gateway sends it
    return found


def test_a_plan_that_can_be_followed_says_its_steps() -> None:
    assert check_plan(asked(), TINY) == recipe("trace", "t5").steps
    assert check_plan(asked(hyperparameters={"steps": 40}), TINY) == 40


def test_a_model_that_is_gone_or_broken_is_told(tmp_path: Path) -> None:
    with pytest.raises(TaskError) as gone:
        check_plan(asked(base_folder=str(tmp_path / "gone")), TINY)
    (tmp_path / CONFIG).write_text("{", "utf-8")
    with pytest.raises(TaskError) as broken:
        check_plan(asked(base_folder=str(tmp_path)), TINY)

    assert (gone.value.code, broken.value.code) == ("model_not_found", "model_unavailable")
    assert str(tmp_path) not in broken.value.message


def test_a_model_without_the_parts_that_a_recipe_trains_is_told(tmp_path: Path) -> None:
    config = replace(CONFIGURATION, detector=None)
    (tmp_path / CONFIG).write_text(json.dumps(config.to_dict()), "utf-8")

    with pytest.raises(TaskError, match="this model has no detector"):
        check_plan(asked(recipe="densecap", base_folder=str(tmp_path)), TINY)
