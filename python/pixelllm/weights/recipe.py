"""How each tensor of the model is made from tensors of a source.

A recipe is also run on tensors without memory, to learn the shape that will come out: names and
shapes are checked for the whole model before a single number is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pixelllm.model.checkpoint import CheckpointError

Convert = Callable[[list[Tensor]], Tensor]


class Source(Protocol):
    """Named tensors that are read one at a time."""

    where: str

    @property
    def shapes(self) -> Mapping[str, torch.Size]:
        """Every name, with its shape."""
        ...

    def read(self, name: str) -> Tensor:
        """One tensor."""
        ...


@dataclass(frozen=True)
class Recipe:
    """One tensor of ours: `convert` of the source's tensors `names`."""

    names: tuple[str, ...]
    convert: Convert

    def make(self, source: Source) -> Tensor:
        """Read and convert."""
        return self.convert([source.read(name) for name in self.names])

    def shape(self, source: Source) -> torch.Size:
        """What `make` will return the shape of, without reading.

        Raises:
            CheckpointError: the source's tensors do not even fit the conversion.
        """
        tensors = [torch.empty(source.shapes[name], device="meta") for name in self.names]
        try:
            return self.convert(tensors).shape
        except (RuntimeError, IndexError) as error:
            raise CheckpointError(
                f"{self.names[0]} of {source.where} is {tuple(tensors[0].shape)}, which does not "
                f"fit: {error}"
            ) from error


def only(tensors: list[Tensor]) -> Tensor:
    """The one tensor, as it is."""
    (tensor,) = tensors
    return tensor


def check_shapes_made(
    recipes: Mapping[str, Recipe], source: Source, expected: Mapping[str, torch.Size]
) -> None:
    """Compare what recipes will make with the model.

    Raises:
        CheckpointError: a shape is wrong; names the source's tensor.
    """
    for target, recipe in recipes.items():
        shape = recipe.shape(source)
        if shape != expected[target]:
            given = tuple(source.shapes[recipe.names[0]])
            raise CheckpointError(
                f"{recipe.names[0]} of {source.where} is {given}: as {target} it comes out as "
                f"{tuple(shape)}, and the model has {tuple(expected[target])}"
            )
