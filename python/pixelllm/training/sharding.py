"""Weights spread over the processes (FSDP2), for a model that does not fit one device.

Each block is gathered when it runs and let go behind it. What is reached from outside its block
stays with the root, gathered for the whole step: T5's tables of relative positions are in its first
blocks, and GIT-BERT's layers are asked for keys without being run.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from pixelllm.model.pixelllm import PixelLLM
from pixelllm.model.t5 import T5
from pixelllm.training.objective import Objective
from pixelllm.training.team import Team


def shard(objective: Objective, team: Team) -> None:
    """Spread an objective's model over the team, in place."""
    mesh = init_device_mesh(team.device.type, (team.ranks,))
    for block in _units(objective.model):
        fully_shard(block, mesh=mesh)
    fully_shard(objective, mesh=mesh)


def _units(model: PixelLLM) -> Iterator[nn.Module]:
    yield from model.eva.blocks
    yield from model.sam.blocks
    if isinstance(model.language, T5):
        yield from list(model.language.encoder.blocks())[1:]
        yield from list(model.language.decoder.blocks())[1:]


def gathered(tensor: Tensor) -> Tensor:
    """All of a tensor, on the CPU; every process has to ask."""
    whole = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return whole.detach().to("cpu").contiguous()


def spread_like(whole: Tensor, like: Tensor) -> Tensor:
    """This process's share of a tensor, or all of it: as `like` is spread."""
    whole = whole.to(like.device)
    if isinstance(like, DTensor):
        return distribute_tensor(whole, like.device_mesh, like.placements)
    return whole
