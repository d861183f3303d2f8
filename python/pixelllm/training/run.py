"""A run: steps, reports, validations and checkpoints, in a folder that it can go on from.

    run.json            what was asked for
    checkpoints/        see checkpoints.py
    metrics.jsonl       a line for each report and each validation
    tensorboard/        the same as event files, with `--log tensorboard`
    model/, best/       the model after the last step, and at its best validation, as it is served

A run that is killed goes on from its last checkpoint, and does again what was done after it: the
same batches with the same chances, so that on a CPU its numbers are the same to the last bit.
"""

from __future__ import annotations

import logging
import math
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

from torch import Tensor

from pixelllm.training.batch import Batch
from pixelllm.training.checkpoints import Checkpoints, Kept, read_checkpoint
from pixelllm.training.metrics import Log
from pixelllm.training.moments import without_moments
from pixelllm.training.progress import Progress
from pixelllm.training.served import Served
from pixelllm.training.trainer import StepReport, TrainingError

log = logging.getLogger("pixelllm.training")

CHECKPOINTS, MODEL, BEST = "checkpoints", "model", "best"
VALIDATION: Final = "validation/"  # before the names of its numbers


class Stop:
    """Whether somebody has asked the process to end (SIGTERM): a run then saves, and ends."""

    def __init__(self) -> None:
        self.asked = False
        self._owner = os.getpid()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signal while the block runs; only in the main thread."""
        before = signal.signal(signal.SIGTERM, self._ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self._owner:
            raise SystemExit  # a process that reads data for this one
        log.info("asked to end: the step is finished and saved first")
        self.asked = True


@dataclass
class Run:
    """Everything that a run consists of.

    validation: makes the batches to validate with, anew each time; None for a run without.
    """

    folder: Path
    progress: Progress
    served: Served
    logs: Log
    validation: Callable[[], Iterable[Batch]] | None = None
    stop: Stop = field(default_factory=Stop)

    def __post_init__(self) -> None:
        self.trainer = self.progress.trainer
        self.schedule = self.trainer.recipe.schedule
        self.checkpoints = Checkpoints(self.folder / CHECKPOINTS, self.schedule.keep)

    def resume(self) -> None:
        """Go on from the last checkpoint.

        Raises:
            TrainingError: there is none, or it is of another model or other data.
        """
        kept = self.checkpoints.latest()
        if kept is None:
            raise TrainingError(f"{self.folder} holds no checkpoint to resume")
        self.progress.restore(*read_checkpoint(kept))

    def train(self) -> None:
        """Do the steps that are left, unless asked to stop; write the models after the last one."""
        steps = self.trainer.recipe.steps
        try:
            if self.trainer.step < steps:
                for batch in self.progress.batches:
                    if self._step(batch):
                        break
            if self.trainer.step >= steps:
                self._write_models()
        finally:
            self.logs.close()
        log.info("step %d of %d: %s", self.trainer.step, steps, self.folder)

    def _step(self, batch: Batch) -> bool:
        """One step, and what is due after it; whether the run ends here."""
        trainer, schedule = self.trainer, self.schedule
        report = trainer.train_step(batch)
        self.progress.means.add(report)
        last = trainer.step >= trainer.recipe.steps
        if last or self._due(schedule.report_every):
            self._report(report)
        score = None
        if self.validation and (last or self._due(schedule.validate_every)):
            score = self._validate(self.validation())
        stopping = trainer.team.agree(self.stop.asked)
        if last or stopping or score is not None or self._due(schedule.save_every):
            self._save(score)
        return last or stopping

    def _due(self, every: int) -> bool:
        return every > 0 and self.trainer.step % every == 0

    def _report(self, report: StepReport) -> None:
        trainer, values = self.trainer, self.progress.report(report)
        if trainer.team.leads:
            self.logs.write(trainer.step, values)
            shown = " ".join(f"{name} {value:.4g}" for name, value in values.items())
            log.info("step %d of %d: %s", trainer.step, trainer.recipe.steps, shown)

    def _validate(self, batches: Iterable[Batch]) -> float | None:
        """Validate and report; what the checkpoint is ranked by, None where it is no number."""
        values = self.trainer.validate(batches)
        if self.trainer.team.leads:
            self.logs.write(self.trainer.step, {VALIDATION + n: x for n, x in values.items()})
            shown = " ".join(f"{name} {value:.4g}" for name, value in values.items())
            log.info("validation after step %d: %s", self.trainer.step, shown)
        if self.schedule.best_by not in values:
            known = ", ".join(values)
            raise TrainingError(
                f"schedule.best_by is {self.schedule.best_by}, the validation has {known}"
            )
        score = values[self.schedule.best_by]
        return score if math.isfinite(score) else None

    def _save(self, score: float | None) -> None:
        trainer = self.trainer
        tensors, state = self.progress.state()
        if trainer.team.leads:
            folder = self.checkpoints.save(trainer.step, tensors, state, score)
            log.info("saved %s", folder)
        trainer.team.wait()

    def _write_models(self) -> None:
        """The model as it is, and as it was at its best."""
        state = self.trainer.whole_model()
        if not self.trainer.team.leads:
            return
        self._write(MODEL, state, self.trainer.step)
        best = self.checkpoints.best()
        if best:
            self._write(BEST, state | _weights(best), best.step)

    def _write(self, name: str, state: dict[str, Tensor], step: int) -> None:
        recipe = self.trainer.recipe
        card = f"# {self.folder.resolve().name}\n\nTrained by `{recipe.name}`, step {step}.\n"
        self.served.write(self.folder / name, state, card)
        log.info("wrote %s", self.folder / name)


def _weights(kept: Kept) -> dict[str, Tensor]:
    """What had been learned at a checkpoint."""
    tensors, _ = read_checkpoint(kept)
    return without_moments(tensors)
