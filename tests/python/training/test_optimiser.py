"""The optimiser and its schedule against the authors' (optax), value by value."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pixelllm.training.optimiser import (
    OptimiserConfig,
    is_decayed,
    learning_rate,
    make_optimiser,
    set_rate,
)
from pixelllm.training.recipes import recipe
from pixelllm.weights.flax import rename
from tests.python.goldens import Golden

DEPTH = 3  # EVA02 blocks of the goldens' tree
STEPS = 3
SCHEDULES = {
    "trace": "trace",
    "ref": "ref",
    "refseg": "refseg",
    "densecap": "densecap",
    "joint": "joint",
    "joint_seg": "joint_refseg",
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_golden_lr_schedules(name: str) -> None:
    golden = Golden("lr_schedules")
    own = recipe(SCHEDULES[name], "t5")
    steps = golden[f"{name}/steps"].tolist()

    rates = [learning_rate(step, own.steps, own.optimiser) for step in steps]

    golden.check(f"{name}/steps", torch.tensor(steps))
    scale = own.optimiser.learning_rate
    golden.check(f"{name}/lr", torch.tensor(rates, dtype=torch.float64), scale=scale)


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("optim_adamw_nowd", {}),
        ("optim_adamw_layerwise_wd", {"weight_decay": 0.05, "layer_decay": 0.8}),
        ("optim_adamw_multiplier", {"mask_adapter_factor": 10.0}),
    ],
)
def test_golden_optim_adamw(file: str, changes: dict[str, float]) -> None:
    golden = Golden(file)
    config = OptimiserConfig(learning_rate=0.01, warm_up=2, **changes)
    names = [key.removeprefix("params0/") for key in golden if key.startswith("params0/")]
    toy = {name: nn.Parameter(golden[f"params0/{name}"].clone()) for name in names}
    optimiser = make_optimiser(
        [(rename(name), parameter) for name, parameter in toy.items()], config, DEPTH
    )

    for step in range(STEPS):
        for name, parameter in toy.items():
            golden.check(f"params{step}/{name}", parameter)
            parameter.grad = golden[f"grad{step}/{name}"].clone()
        set_rate(optimiser, learning_rate(step, 10**9, config))
        optimiser.step()
    for name, parameter in toy.items():
        golden.check(f"params{STEPS}/{name}", parameter)


def test_biases_of_token_heads_are_vectors_though_they_share_a_tensor() -> None:
    matrix = nn.Parameter(torch.zeros(2, 3))

    assert is_decayed("extractor.token_heads.weight", matrix)
    assert not is_decayed("extractor.token_heads.bias", matrix)
    assert not is_decayed("eva.norm.weight", nn.Parameter(torch.zeros(3)))


def test_without_warm_up_the_first_step_has_the_full_rate() -> None:
    config = OptimiserConfig(learning_rate=1.0, warm_up=0)

    rates: list[float] = [learning_rate(step, 4, config) for step in range(4)]

    assert rates == pytest.approx([1.0, 0.8535534, 0.5, 0.1464466])


def test_a_parameters_factor_scales_its_step() -> None:
    slow, fast = (nn.Parameter(torch.zeros(2)) for _ in range(2))
    config = OptimiserConfig(layer_decay=0.5)
    optimiser = make_optimiser([("eva.blocks.1.norm1.weight", slow), ("x", fast)], config, 2)
    for parameter in (slow, fast):
        parameter.grad = torch.ones(2)

    set_rate(optimiser, 0.1)
    optimiser.step()

    ratio: Tensor = slow.detach() / fast.detach()
    torch.testing.assert_close(ratio, torch.full((2,), 0.5))
