"""Settings from the command line: each can be changed, and what is wrong is explained."""

from __future__ import annotations

import json

import pytest

from pixelllm.training.overrides import flatten, override
from pixelllm.training.recipes import RECIPES, RecipeError, recipe


def written(value: object) -> str:
    """A value as one writes it on the command line."""
    if isinstance(value, list):
        return ",".join(value)
    return str(value)


@pytest.mark.parametrize("name", RECIPES)
def test_every_setting_of_a_recipe_can_be_written_down_and_read(name: str) -> None:
    settings = recipe(name, "t5")
    lines = [f"{key}={written(value)}" for key, value in flatten(settings).items()]

    assert override(recipe("trace", "t5"), lines) == settings
    assert json.loads(json.dumps(flatten(settings))) == flatten(settings)


def test_settings_change_one_by_one() -> None:
    changed = override(
        recipe("joint", "t5"),
        ["steps=7", "optimiser.learning_rate=1e-3", "objective.sampling.samples=32"],
    )

    assert changed.steps == 7
    assert changed.optimiser.learning_rate == 1e-3
    assert changed.optimiser.weight_decay == 0.05
    assert changed.objective.sampling.samples == 32
    assert changed.objective.regions == 16


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("steps", "write NAME=VALUE"),
        ("stepz=1", "there are name, kinds, steps"),
        ("optimiser.rate=1", "there are learning_rate, warm_up"),
        ("steps.few=1", "'steps' has no parts"),
        ("optimiser=1", r"several settings: optimiser\.learning_rate"),
        ("steps=many", "steps is a whole number, not 'many'"),
        ("optimiser.max_norm=x", "max_norm is a number, not 'x'"),
        ("language=all", "language is one of lora, words, full, frozen, not 'all'"),
        ("machine.sharded=1", "sharded is true or false"),
        ("frozen=sam,head", "frozen is one of sam, eva"),
        ("changes.lora_rank=some", "lora_rank is a whole number"),
    ],
)
def test_what_is_wrong_is_explained(assignment: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        override(recipe("trace", "t5"), [assignment])
