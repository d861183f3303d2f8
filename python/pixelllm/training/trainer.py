"""One step of training, and one of validation: what a recipe does with a batch."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor, nn

from pixelllm.model.pixelllm import PixelLLM
from pixelllm.training.batch import Batch, LossWeights
from pixelllm.training.freezing import learned, train_learning_parts
from pixelllm.training.moments import load_moments, moments_of, without_moments
from pixelllm.training.objective import Losses, Objective
from pixelllm.training.optimiser import learning_rate, make_optimiser, set_rate
from pixelllm.training.recipes import Recipe
from pixelllm.training.recomputing import recompute_blocks
from pixelllm.training.sharding import gathered, shard, spread_like
from pixelllm.training.team import Team

log = logging.getLogger("pixelllm.training")


class TrainingError(Exception):
    """A run that cannot go on; the message says why."""


class DivergedError(TrainingError):
    """A run whose numbers are none any more."""


@dataclass(frozen=True)
class StepReport:
    """What a step found: losses by name and their total, over all processes; and how it went."""

    losses: dict[str, float]
    rate: float
    gradient_norm: float
    skipped: bool


class Trainer:
    """A model, its objective and its optimiser.

    Whatever is drawn at random in a step depends on the recipe's seed, the step and the process
    alone, so that no state of a generator has to be kept.
    """

    def __init__(self, model: PixelLLM, recipe: Recipe, team: Team) -> None:
        self.model = model.to(team.device)
        self.recipe = recipe
        self.team = team
        self.objective = Objective(model, recipe.objective, team.total)
        if recipe.machine.checkpointing:
            recompute_blocks(model)
        if recipe.machine.sharded:
            shard(self.objective, team)
        self.parameters = dict(learned(model))
        self.optimiser = make_optimiser(
            self.parameters.items(), recipe.optimiser, model.config.eva.depth
        )
        self.step = 0
        self.skipped = 0
        self._bad: list[tuple[str, ...]] = []  # the samples of bad steps, as long as none is good

    def train_step(self, batch: Batch) -> StepReport:
        """Learn from this process's part of a batch.

        Raises:
            DivergedError: too many steps in a row had no finite loss or gradient.
        """
        pieces = self.pieces(batch)
        while True:
            try:
                next(pieces)
            except StopIteration as done:
                report: StepReport = done.value
                return report

    def pieces(self, batch: Batch) -> Generator[None, None, StepReport]:
        """A step in pieces, between which others may use the device: its parts, then the rest.

        Each piece draws from a generator that it seeds itself: what others draw changes nothing.
        """
        rate = learning_rate(self.step, self.recipe.steps, self.recipe.optimiser)
        set_rate(self.optimiser, rate)
        if self.recipe.noise.frozen:
            self.model.train()
        else:
            train_learning_parts(self.model)
        self.optimiser.zero_grad(set_to_none=True)
        parts = split_batch(batch, self.recipe.machine.accumulation)
        found = []
        for number, part in enumerate(parts):
            self.team.seed(self.recipe.seed, self.step, number)
            found.append(self._backward(part, len(parts)))
            yield
        return self._learn(batch, parts, found, rate)

    def _learn(
        self, batch: Batch, parts: Sequence[Batch], found: Sequence[dict[str, Tensor]], rate: float
    ) -> StepReport:
        """Change the weights by the gradients that the parts have added, unless they are bad."""
        norm = self._finish_gradients()
        losses = self._shared({n: torch.stack([f[n] for f in found]).mean() for n in found[0]})
        good = np.isfinite(losses["total"]) and np.isfinite(norm)
        if good:
            self.optimiser.step()
            self._bad = []
        else:
            suspects = [p.ids for p, f in zip(parts, found, strict=True) if not _finite(f)]
            self._skip(tuple(name for ids in suspects or [batch.ids] for name in ids))
        self.step += 1
        return StepReport(losses, rate, norm, skipped=not good)

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Mean losses of batches, each over the images that teach it.

        Raises:
            ValueError: there is no batch.
        """
        self.model.eval()
        sums: dict[str, float] = {}
        images: dict[str, float] = {}
        for batch in batches:
            with torch.no_grad(), self._precision():
                losses = self.objective(batch.to(self.team.device))
            count = len(batch.ids) * self.team.ranks
            for name, loss in self._shared(_values(losses)).items():
                taught = None if name == "total" else getattr(batch.weights, name)
                share = 1.0 if taught is None else taught.float().mean().item()
                sums[name] = sums.get(name, 0.0) + loss * share * count
                images[name] = images.get(name, 0.0) + share * count
        if not images:
            raise ValueError("there is nothing to validate with")
        return {name: value / images[name] for name, value in sums.items() if images[name]}

    def state(self) -> dict[str, Tensor]:
        """What has been learned and the optimiser's moments, whole, on the CPU.

        Every process of the team has to ask.
        """
        found = {name: gathered(parameter) for name, parameter in self.parameters.items()}
        return found | moments_of(self.optimiser, self.parameters)

    def whole_model(self) -> dict[str, Tensor]:
        """Every tensor of the model, whole, on the CPU; every process of the team has to ask."""
        return {name: gathered(tensor) for name, tensor in self.model.state_dict().items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` returned.

        Raises:
            TrainingError: it is of another model or recipe.
        """
        weights = without_moments(state).keys()
        if weights != self.parameters.keys():
            name = sorted(weights ^ self.parameters.keys())[0]
            raise TrainingError(f"the checkpoint does not fit this recipe: see {name}")
        for name, parameter in self.parameters.items():
            with torch.no_grad():
                parameter.copy_(spread_like(state[name], parameter))
        load_moments(self.optimiser, self.parameters, state)

    def _backward(self, part: Batch, parts: int) -> dict[str, Tensor]:
        """Add the gradients of a part of the batch; its losses, this process's share of them."""
        with self._precision():
            losses: Losses = self.objective(part.to(self.team.device))
        scale = 1 / parts
        if self.recipe.machine.sharded:
            scale *= self.team.ranks  # FSDP averages over the processes, and parts add up
        if losses.total.requires_grad:
            torch.autograd.backward(losses.total * scale)
        return _values(losses)

    def _finish_gradients(self) -> float:
        """Add the processes' gradients and limit their norm; what it was before."""
        parameters = list(self.parameters.values())
        for parameter in parameters:
            if parameter.grad is None:  # nothing reaches it: JAX has zeros there, which decay
                parameter.grad = torch.zeros_like(parameter)
        if not self.recipe.machine.sharded:
            self.team.add_gradients(parameters)
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = gathered(nn.utils.get_total_norm(gradients))
        limit = self.recipe.optimiser.max_norm
        if limit and norm > limit and norm.isfinite():
            for gradient in gradients:
                gradient.mul_(limit / norm.item())
        return norm.item()

    def _shared(self, values: dict[str, Tensor]) -> dict[str, float]:
        """The sums of all processes' values."""
        total = self.team.total(torch.stack(list(values.values())))
        return dict(zip(values, total.tolist(), strict=True))

    def _skip(self, ids: tuple[str, ...]) -> None:
        self.skipped += 1
        self._bad.append(ids)
        names = ", ".join(ids)
        log.warning("step %d has no finite loss or gradient, and is skipped: %s", self.step, names)
        if len(self._bad) == self.recipe.machine.bad_steps:
            suspects = ", ".join(sorted({name for step in self._bad for name in step}))
            raise DivergedError(
                f"{len(self._bad)} steps in a row, up to step {self.step}, had no finite loss or "
                f"gradient: look at the samples {suspects}, or lower optimiser.learning_rate"
            )

    @contextmanager
    def _precision(self) -> Iterator[None]:
        narrow = self.recipe.machine.precision == "bfloat16"
        with torch.autocast(self.team.device.type, torch.bfloat16, enabled=narrow):
            yield


def split_batch(batch: Batch, parts: int) -> list[Batch]:
    """The images of a batch, in order, in so many batches of equal size.

    Raises:
        TrainingError: it does not divide.
    """
    images = len(batch.ids)
    size, rest = divmod(images, parts)
    if rest or not size:
        raise TrainingError(
            f"{images} images of a process do not divide into {parts} parts: change "
            "machine.accumulation or batch_size"
        )
    return [_rows(batch, slice(i * size, (i + 1) * size)) for i in range(parts)]


def _rows(batch: Batch, rows: slice) -> Batch:
    weights = LossWeights(*(getattr(batch.weights, f.name)[rows] for f in fields(LossWeights)))
    tensors = {
        field.name: value[rows]
        for field in fields(batch)
        if isinstance(value := getattr(batch, field.name), Tensor)
    }
    return replace(batch, ids=batch.ids[rows], weights=weights, **tensors)


def _values(losses: Losses) -> dict[str, Tensor]:
    """The losses as they are and the total, without gradient."""
    return {
        **{n: x.detach().float() for n, x in losses.plain.items()},
        "total": losses.total.detach().float(),
    }


def _finite(values: dict[str, Tensor]) -> bool:
    return bool(values["total"].isfinite())
