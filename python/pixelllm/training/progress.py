"""How far a run has come: what its checkpoints keep, and its numbers since the last report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from pixelllm.training.batch import Batch
from pixelllm.training.trainer import StepReport, Trainer, TrainingError

NORM, PACE = "gradient_norm", "step_s"  # what a report has beside the losses


class Batches(Protocol):
    """The batches of a run, from the step that is next (`BatchLoader`)."""

    def __iter__(self) -> Iterator[Batch]: ...

    def state_dict(self) -> dict[str, Any]:
        """Where it is, as JSON values."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there; a `ValueError` where these are other batches."""


@dataclass
class Means:
    """Means of what was found since the last report.

    steps: that had numbers. timed: since `started`, which is not kept with a checkpoint.
    """

    sums: dict[str, float] = field(default_factory=dict)
    steps: int = 0
    timed: int = 0
    started: float = field(default_factory=time.monotonic)

    def add(self, report: StepReport) -> None:
        """Remember a step; one that was skipped has no numbers."""
        self.timed += 1
        if report.skipped:
            return
        self.steps += 1
        for name, value in {**report.losses, NORM: report.gradient_norm}.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def take(self) -> dict[str, float]:
        """The means, and seconds for each step; then start anew."""
        means = {name: value / self.steps for name, value in self.sums.items()}
        means[PACE] = (time.monotonic() - self.started) / max(1, self.timed)
        self.sums, self.steps = {}, 0
        self.restart()
        return means

    def restart(self) -> None:
        """Take the time from now on."""
        self.timed, self.started = 0, time.monotonic()


@dataclass
class Progress:
    """A trainer, its place in the data and its means: all that a run goes on from.

    fingerprint: of the weights that do not learn, which are not kept and have to stay the same.
    """

    trainer: Trainer
    batches: Batches
    fingerprint: int
    means: Means = field(default_factory=Means)

    def report(self, last: StepReport) -> dict[str, float]:
        """The numbers since the last report."""
        own = {"learning_rate": last.rate, "skipped": self.trainer.skipped}
        return {**self.means.take(), **own}

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The tensors and JSON values of a checkpoint; every process of the team has to ask."""
        trainer = self.trainer
        return trainer.state(), {
            "skipped": trainer.skipped,
            "seed": trainer.recipe.seed,
            "fingerprint": self.fingerprint,
            "means": self.means.sums,
            "means_steps": self.means.steps,
            "data": {**self.batches.state_dict(), "step": trainer.step},
        }

    def restore(self, tensors: dict[str, Tensor], state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainingError: it is of another model or other data.
        """
        if state["fingerprint"] != self.fingerprint:
            raise TrainingError("the model that the run started from has changed since")
        self.trainer.load_state(tensors)
        self.trainer.step = state["step"]
        self.trainer.skipped = state["skipped"]
        self.means.sums, self.means.steps = state["means"], state["means_steps"]
        try:
            self.batches.load_state_dict(state["data"])
        except ValueError as error:
            raise TrainingError(f"the run cannot go on with this data: {error}") from error
