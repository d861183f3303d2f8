"""The processes that share the batches of a run, and what they tell each other.

Each computes its part of a loss: its own sum over the count of all (`Total` in losses.py). So parts
are added, losses as well as gradients, and several processes do what one would do with all of the
batch. Several are started with torchrun.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import torch
from torch import Tensor, distributed, nn

BUCKET: Final = 2**24  # numbers that are added at once: few messages, little memory
DEADLINE: Final = timedelta(minutes=30)  # of a message; the longest wait is for a model to be saved


@dataclass(frozen=True)
class Team:
    """This process among those that train together."""

    device: torch.device
    rank: int = 0
    ranks: int = 1

    @classmethod
    def join(cls, device: str) -> Team:
        """Meet the others, where torchrun has started this process; else be alone.

        Args:
            device: "cpu" or "cuda"; each process of a machine takes a GPU of its own.
        """
        if not distributed.is_torchelastic_launched():
            return cls(torch.device(device))
        distributed.init_process_group("nccl" if device == "cuda" else "gloo", timeout=DEADLINE)
        place = torch.device(device)
        if device == "cuda":
            place = torch.device(device, distributed.get_node_local_rank())
            torch.cuda.set_device(place)
        return cls(place, distributed.get_rank(), distributed.get_world_size())

    def leave(self) -> None:
        """Take leave of the others."""
        if self.ranks > 1:
            distributed.destroy_process_group()

    @property
    def leads(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0

    def seed(self, seed: int, step: int, part: int = 0) -> None:
        """Let what a part of a step draws depend on nothing but their numbers and this process."""
        address = np.random.SeedSequence((seed, step, self.rank, *([part] if part else [])))
        torch.manual_seed(int(address.generate_state(1)[0]))

    def total(self, value: Tensor) -> Tensor:
        """The sum of every process's value, without gradient."""
        if self.ranks == 1:
            return value.detach()
        summed = value.detach().clone()
        distributed.all_reduce(summed)
        return summed

    def agree(self, wish: bool) -> bool:
        """Whether any process wishes it."""
        return bool(self.total(torch.tensor(int(wish), device=self.device)))

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.ranks > 1:
            distributed.barrier()

    def add_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace each process's gradients by the sum of all processes'."""
        if self.ranks == 1:
            return
        for gradients in _buckets([p.grad for p in parameters if p.grad is not None]):
            flat = torch.cat([gradient.flatten() for gradient in gradients])
            distributed.all_reduce(flat)
            parts = torch.split(flat, [gradient.numel() for gradient in gradients])
            for gradient, part in zip(gradients, parts, strict=True):
                gradient.copy_(part.view_as(gradient))


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Neighbours, in groups of about as many numbers as `BUCKET`."""
    group: list[Tensor] = []
    for tensor in tensors:
        group.append(tensor)
        if sum(t.numel() for t in group) >= BUCKET:
            yield group
            group = []
    if group:
        yield group
