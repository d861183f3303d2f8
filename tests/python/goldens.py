"""Golden tensors: what the authors' code computed, file by file.

`PIXELLLM_GOLDENS` names another folder of the same layout to check against.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pixelllm.weights.flax import from_flax

FOLDER = Path(
    os.environ.get("PIXELLLM_GOLDENS", Path(__file__).parent.parent / "fixtures" / "goldens")
)


class Golden(Mapping[str, Tensor]):
    """One file: names to tensors."""

    def __init__(self, name: str) -> None:
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


def load(module: nn.Module, params: dict[str, Tensor]) -> None:
    """Load parameters; all of the golden's must exist here, and all of ours there."""
    module.load_state_dict(params)
    module.eval()


def assert_close(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    """Largest absolute difference within `tolerance`, shapes equal."""
    torch.testing.assert_close(
        actual.detach().double(), expected.double(), rtol=0.0, atol=tolerance
    )
