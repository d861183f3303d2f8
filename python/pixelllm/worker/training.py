"""A training job between the steps of the engine: when its pieces come, and how it ends.

Inference goes first. A piece is done when no call is there, and once in a while although there are
calls, so that training goes on under any load.
"""

import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol, TypeAlias

import torch

from pixelllm.contract import TrainingPlan, TrainOrder, TrainOutcome
from pixelllm.model.delta import SharedBase

SHARE_S = 0.5  # under load there is a piece this long after the last


class Pause(Protocol):
    """There is nothing to do for so many seconds."""

    @property
    def seconds(self) -> float:
        """How long."""
        ...


Pieces: TypeAlias = Generator[Pause | None, None, TrainOutcome]


class Job(Protocol):
    """A training job, as the engine sees it."""

    def work(self) -> Pieces:
        """A generator that yields between short pieces of work, and returns how the job ended."""
        ...

    def stop(self) -> None:
        """Have `work` end after the present piece, with `stopped`."""
        ...

    def close(self) -> None:
        """End its threads and close its files, however it ended."""
        ...


MakeJob = Callable[[TrainOrder, SharedBase, torch.device], Job]


def make_job(order: TrainOrder, base: SharedBase, device: torch.device) -> Job:
    """The job of an order. What training needs is imported when the first one comes."""
    from pixelllm.training.job import TrainingJob

    return TrainingJob(order, base, device)


def check_plan(plan: TrainingPlan, root: Path) -> int:
    """How many steps a recipe takes, from a model or from one trained from it.

    Args:
        plan: `TrainingPlan`.
        root: the checkpoint of the model of the settings.

    Raises:
        TaskError: `invalid_request` if the recipe cannot be followed.
    """
    from pixelllm.training.job import check_plan

    return check_plan(plan, root)


class Training:
    """One job. For the engine thread, but for `cancel`.

    Args:
        order_id: the order's.
        making: becomes the job.
    """

    def __init__(self, order_id: str, making: Future[Job]) -> None:
        self.id = order_id
        self._making = making
        self._job: Job | None = None
        self._work: Pieces | None = None
        self._cancelled = False
        self._stopped = False
        self._since = time.monotonic()  # when the last piece ended
        self._resume = 0.0  # the end of the job's own pause

    def cancel(self) -> None:
        """Have the job end after its present piece. From any thread."""
        self._cancelled = True

    def next_piece(self, *, busy: bool) -> float:
        """When the next piece is due (time.monotonic()).

        Args:
            busy: whether there are calls.
        """
        if not self._making.done():
            return float("inf")  # the bell is rung when it is
        if self._cancelled:
            return 0.0
        return max(self._resume, self._since + SHARE_S) if busy else self._resume

    def piece(self) -> TrainOutcome | None:
        """Do a piece of work; how the job ended, once it has.

        Raises:
            Exception: whatever the job cannot go on after.
        """
        if self._work is None:
            self._job = self._making.result()
            if self._cancelled:
                return "stopped"
            self._work = self._job.work()
        elif self._cancelled:
            self._stop()
        try:
            with torch.inference_mode(False), torch.enable_grad():
                said = next(self._work)
        except StopIteration as end:
            outcome: TrainOutcome = end.value
            return outcome
        self._since = time.monotonic()
        self._resume = self._since + said.seconds if said is not None else 0.0
        return None

    def finish(self) -> TrainOutcome | None:
        """Stop where it stands: the piece that is asked for here ends the job.

        Raises:
            Exception: as `piece`.
        """
        self._cancelled = True
        if self._making.done():
            return self.piece()
        if not self._making.cancel():
            self._making.add_done_callback(lambda making: making.result().close())
        return "stopped"

    def close(self) -> None:
        """Let go of the job, which has ended or is given up."""
        if self._work is not None:
            self._work.close()
        if self._job is not None:
            self._job.close()

    def _stop(self) -> None:
        if self._job is not None and not self._stopped:
            self._stopped = True
            self._job.stop()
