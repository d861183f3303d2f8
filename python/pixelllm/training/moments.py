"""What an optimiser remembers of each parameter, by name, beside the weights in a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

from pixelllm.training.sharding import gathered, spread_like

PREFIX: Final = "optimiser/"  # before the names of its tensors, among those of the weights


def moments_of(
    optimiser: torch.optim.Optimizer, parameters: Mapping[str, nn.Parameter]
) -> dict[str, Tensor]:
    """The moments, whole, on the CPU, as "optimiser/exp_avg/NAME"; every process has to ask."""
    return {
        f"{PREFIX}{key}/{name}": gathered(value)
        for name, parameter in parameters.items()
        for key, value in optimiser.state.get(parameter, {}).items()
    }


def load_moments(
    optimiser: torch.optim.Optimizer,
    parameters: Mapping[str, nn.Parameter],
    state: Mapping[str, Tensor],
) -> None:
    """Go on with the moments among the tensors of a checkpoint."""
    for path, value in state.items():
        if path.startswith(PREFIX):
            _, key, name = path.split("/", 2)
            parameter = parameters[name]
            # The step count is a number that torch keeps on the CPU.
            moment = value if key == "step" else spread_like(value, parameter)
            optimiser.state[parameter][key] = moment


def without_moments(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights among the tensors of a checkpoint."""
    return {name: value for name, value in state.items() if not name.startswith(PREFIX)}
