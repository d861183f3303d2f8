"""Training jobs driven as the engine drives them.

`python -m tests.python.training.jobs RUN ATTEMPT DATASET MODELS` works on one to its end.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch

from pixelllm.contract import ModelSource, TrainOrder, TrainOutcome
from pixelllm.model.checkpoint import checkpoint_folder, load_checkpoint
from pixelllm.model.delta import SharedBase
from pixelllm.training.job import Pause, TrainingJob
from pixelllm.training.job_folder import read_record
from tests.python.training.job_folders import JOB_ID, make_job

CPU: Final = torch.device("cpu")
STEPS: Final = 6
SETTINGS: Final[dict[str, Any]] = {
    "steps": STEPS,
    "batch_size": 2,
    "frozen": ["sam", "eva", "prompt_encoder", "mask_decoder"],
    "optimiser.warm_up": 1,
    "optimiser.learning_rate": 0.0005,
    "schedule.report_every": 2,
    "schedule.save_every": 3,
}
PIECES: Final = STEPS * 3  # an image each, and what comes of both


def tiny_base() -> SharedBase:
    """The model that ships, as a worker has loaded it."""
    return SharedBase.of(load_checkpoint("tiny"), checkpoint_folder("tiny"))


def new_job(folder: Path, **settings: object) -> Path:
    """A job with these settings instead of its own."""
    asked = {**SETTINGS, **{name.replace("__", "."): value for name, value in settings.items()}}
    return make_job(folder, hyperparameters=asked, steps=asked["steps"])


def order_of(
    run: Path, dataset: Path, attempt: int = 1, base_folder: Path | None = None
) -> TrainOrder:
    """An order to work on a job; its model is made beside its folder."""
    model = read_record(run / "job.json")["model"]
    return TrainOrder(
        kind="train",
        id=f"order-{attempt}",
        job=JOB_ID,
        run=str(run),
        attempt=attempt,
        dataset=str(dataset),
        base_model="tiny",
        base_folder=str(base_folder) if base_folder else None,
        model=ModelSource(id=model, folder=str(model_of(run))),
    )


def model_of(run: Path) -> Path:
    """The folder of the model that a job makes."""
    return run.parent / f"{run.name}-model"


def drive(
    job: TrainingJob, between: Callable[[int], bool | None] = lambda piece: None
) -> TrainOutcome | None:
    """Work on a job as the engine does.

    Args:
        between: called behind every piece of work with its number, from 1; the job is dropped where
            it returns True.
    """
    work = job.work()
    pieces = 0
    with torch.inference_mode():
        while True:
            try:
                pause = next(work)
            except StopIteration as done:
                outcome: TrainOutcome = done.value
                return outcome
            if isinstance(pause, Pause):
                time.sleep(pause.seconds)
                continue
            pieces += 1
            if between(pieces):
                work.close()
                return None


def main() -> None:
    """Work on a job in a process of its own."""
    run, attempt, dataset = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    outcome = drive(TrainingJob(order_of(run, dataset, attempt), tiny_base(), CPU))
    sys.stdout.write(f"{outcome}\n")


if __name__ == "__main__":
    main()
