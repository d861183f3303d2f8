"""Golden tensors: what the authors' code computed, file by file, and the comparison with them.

`PIXELLLM_GOLDENS` names another folder of the same layout to check against. Every comparison is
recorded; `golden_table.py` makes of the records what docs/model.md says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pixelllm.weights.flax import from_flax

COMMITTED: Final = Path(__file__).parent.parent / "fixtures" / "goldens"
FOLDER: Final = Path(os.environ.get("PIXELLLM_GOLDENS", COMMITTED))

MODULE: Final = 1e-5  # modules agree to this
FULL_PASS: Final = 1e-4  # and passes through the whole model to this
FRAME: Final = 112.0  # pixels, side of the goldens' frame; places are compared in parts of it

Index = Tensor | int | slice | tuple[slice | int | Tensor, ...]


@dataclass(frozen=True)
class Comparison:
    """One value of a file was compared; `error` is the largest difference, 0 where it is exact."""

    file: str
    key: str
    exact: bool
    error: float


COMPARISONS: Final[list[Comparison]] = []  # of this process, in the order of the tests


class Golden(Mapping[str, Tensor]):
    """One file: names to tensors."""

    def __init__(self, name: str) -> None:
        self.name = name
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
            self.arrays: dict[str, NDArray[np.generic]] = {key: file[key] for key in file.files}

    def __getitem__(self, key: str) -> Tensor:
        return torch.from_numpy(self.arrays[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def params(self, part: str = "", owner: str = "", prefix: str = "params/") -> dict[str, Tensor]:
        """The parameters under `prefix`, in our names.

        A file of one part names them relative to the part: `part` is its path in the whole Flax
        tree, `owner` its attribute in our model.
        """
        flax = {
            part + key.removeprefix(prefix): self[key] for key in self if key.startswith(prefix)
        }
        return {name.removeprefix(owner): value for name, value in from_flax(flax).items()}

    def largest(self, key: str) -> Tensor:
        """The largest magnitude in a value, at least 1: the scale of activations without a norm."""
        return self[key].abs().max().clamp(min=1)

    @property
    def tolerance(self) -> float:
        """How far a number may be from this file's."""
        return tolerance(self.name)

    def check(
        self,
        key: str,
        actual: Tensor,
        *,
        part: Index = (),
        scale: Tensor | float = 1.0,
        exact: bool = False,
    ) -> None:
        """Compare with the value of that name: numbers to the file's tolerance, all else exactly.

        Args:
            actual: in the shape of the value, or with dimensions that lie side by side merged, as
                those of images and their prompts are.
            part: an index into the value, where only this part of it is there to compare.
            scale: what the numbers are measured in, the side of the frame or their largest.
            exact: numbers too must be the same to the last bit.
        """
        value = self[key][part]
        exact = exact or not value.is_floating_point()
        assert value.numel() == actual.numel(), f"{key}: {[*value.shape]}, not {[*actual.shape]}"
        expected, found = value.double(), actual.detach().reshape(value.shape).double()
        error = largest_difference(expected / scale, found / scale)
        COMPARISONS.append(Comparison(self.name, key, exact, error))
        limit = 0.0 if exact else self.tolerance
        assert error <= limit, f"{self.name}, {key}: off by {error:.2g}, {limit:g} are allowed"

    def json(self, key: str) -> Any:
        """A value that is JSON."""
        return json.loads(self.arrays[key].item())

    def check_json(self, key: str, actual: object) -> None:
        """Compare with a value that is JSON: every name and, to the last bit, every number."""
        COMPARISONS.append(Comparison(self.name, key, exact=True, error=0.0))
        assert actual == self.json(key), f"{self.name}, {key}: {actual} differs"


def tolerance(name: str) -> float:
    """How far numbers may be from those of this file."""
    return FULL_PASS if name.startswith("full_") else MODULE


def largest_difference(expected: Tensor, found: Tensor) -> float:
    """The largest absolute difference; a value that is no number differs from all but itself."""
    if not expected.numel():
        return 0.0
    same = (expected == found) | (expected.isnan() & found.isnan())
    difference = torch.where(same, 0.0, (expected - found).abs())
    return float(difference.nan_to_num(nan=torch.inf).max())


def load(module: nn.Module, params: dict[str, Tensor]) -> None:
    """Load parameters; all of the golden's must exist here, and all of ours there."""
    module.load_state_dict(params)
    module.eval()


@contextmanager
def outputs_of(modules: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """What each module returns while the block runs, by its name here; of a tuple `name/0`, ..."""
    outputs: dict[str, Tensor] = {}

    def keep(name: str, output: object) -> None:
        if isinstance(output, Tensor):
            outputs[name] = output
        elif isinstance(output, tuple):
            for place, one in enumerate(output):
                keep(f"{name}/{place}", one)

    handles = [
        module.register_forward_hook(lambda _module, _inputs, output, n=name: keep(n, output))
        for name, module in modules.items()
    ]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def assert_close(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    """Largest absolute difference of two of our own results within `tolerance`, shapes equal."""
    torch.testing.assert_close(
        actual.detach().double(), expected.double(), rtol=0.0, atol=tolerance
    )
