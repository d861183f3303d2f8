"""A training job, as the worker's engine works on it between the requests that it answers.

Its folder (`job_folder.py`) says what to do, and gets what happens. All of it can end at any piece:
by a kill, by a later attempt, by a request. Whatever goes on does so from the last checkpoint, with
the same batches and the same chances; what was told already is not told again.
"""

from __future__ import annotations

import gc
import logging
import resource
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import torch

from pixelllm.contract import Failure, TrainingPlan, TrainOrder, TrainOutcome
from pixelllm.data.datasets import Spec, open_files
from pixelllm.data.own_layout import DATA
from pixelllm.model.checkpoint import CONFIG, CheckpointError, load_config, load_tokenizer, require
from pixelllm.model.delta import SharedBase
from pixelllm.tasks.errors import TaskError
from pixelllm.training.ahead import Ahead
from pixelllm.training.batch import Batch
from pixelllm.training.checkpoints import (
    Checkpoints,
    CheckpointsError,
    read_checkpoint,
    remove_folder,
)
from pixelllm.training.failures import failure_of, is_storage_full
from pixelllm.training.job_folder import JobFolder, Kind, Level, Standing, Status
from pixelllm.training.loader import BatchLoader
from pixelllm.training.metrics import Logs
from pixelllm.training.overrides import flatten
from pixelllm.training.plan import planned
from pixelllm.training.progress import NORM, PACE, Progress
from pixelllm.training.recipes import Recipe, RecipeError
from pixelllm.training.run import CHECKPOINTS
from pixelllm.training.sources import DataSpec, sources_of
from pixelllm.training.starting import Start, changed, fingerprint, start_model
from pixelllm.training.team import Team
from pixelllm.training.trained import write_trained
from pixelllm.training.trainer import StepReport, Trainer

LOCK_S: Final = 0.25  # between two looks at a lock that another process has
WAIT_S: Final = 0.02  # between two looks at what another thread does
NOT_LOSSES: Final = (NORM, PACE, "learning_rate", "skipped")

T = TypeVar("T")
log = logging.getLogger("pixelllm.training")


@dataclass(frozen=True)
class Pause:
    """There is nothing to do for so many seconds."""

    seconds: float


Pieces: TypeAlias = Generator[Pause | None, None, T]


class _EndedError(Exception):
    """The work on a job ends here."""

    def __init__(self, outcome: TrainOutcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


@dataclass
class _Prepared:
    """All that training takes."""

    start: Start
    progress: Progress
    loader: BatchLoader

    @property
    def trainer(self) -> Trainer:
        return self.progress.trainer

    @property
    def recipe(self) -> Recipe:
        return self.trainer.recipe


class TrainingJob:
    """A job that the engine works on between its steps.

    Args:
        order: which job, which attempt at it, and where all is.
        base: the loaded model whose weights are shared where they do not learn.
        device: where to train.

    Raises:
        JobFolderError: there is no such job.
    """

    def __init__(self, order: TrainOrder, base: SharedBase, device: torch.device) -> None:
        self._order = order
        self._base = base
        self._device = device
        self._folder = JobFolder(Path(order["run"]), order["attempt"])
        self._stopping = False
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="training")
        self._writing: Future[Any] | None = None
        self._prepared: _Prepared | None = None
        self._ahead: Ahead | None = None

    def work(self) -> Pieces[TrainOutcome]:
        """The work in short pieces, between which the caller may use the device.

        A piece yields None, or a `Pause` where the next one has to wait for something. At every
        yield torch's modes and generators are as before.

        Raises:
            TaskError: the job failed, and not even that could be written.
            Exception: a defect; the job is as it was, and can be gone on with.
        """
        try:
            try:
                return (yield from self._attempt())
            except _EndedError as end:
                return end.outcome
            except Exception as error:
                failure = self._failure(error)
                if failure is None:
                    raise
                log.exception("%s: %s", self._order["job"], failure["code"])
            self._let_go()  # when nothing holds the error, nor the error what it was raised among
            return self._fail(failure)
        finally:
            self.close()

    def stop(self) -> None:
        """End after the present piece, with nothing written."""
        self._stopping = True

    def close(self) -> None:
        """Let go of threads, memory and the lock; may be called twice."""
        self._let_go()
        self._folder.unlock()

    def _let_go(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._writing:
            self._writing.exception()  # the lock is held while something is being written
        self._writing = self._prepared = self._ahead = None
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    # What happens, in order.

    def _attempt(self) -> Pieces[TrainOutcome]:
        while not self._folder.try_lock():
            self._watch()
            yield Pause(LOCK_S)
        self._watch()
        standing = self._folder.events.look()
        if standing.status not in ("queued", "running"):
            return outcome_of(standing)
        self._begin()
        prepared = yield from self._meanwhile(self._prepare)
        self._prepared = prepared
        yield from self._train(prepared)
        yield from self._write(lambda: self._write_model(prepared))
        model = self._order["model"]["id"]
        self._become("succeeded", f"made the model {model}", {"model": model})
        return "succeeded"

    def _begin(self) -> None:
        kept = self._checkpoints(keep=1).latest()
        step, steps = kept.step if kept else 0, self._folder.record["steps"]
        self._become(
            "running",
            f"goes on from step {step} of {steps}" if step else f"begins with {steps} steps",
            {"attempt": self._order["attempt"], "step": step, "steps": steps},
        )

    def _prepare(self) -> _Prepared:
        """Open the data and make the model; on another thread."""
        start = start_of(self._base, self._order["base_folder"])
        record = self._folder.record
        chosen = planned(
            record["recipe"], record["hyperparameters"], record["seed"], start.config, self._device
        )
        config = changed(start.config, chosen)
        dataset = open_files(
            Spec("own", Path(self._order["dataset"]), {}), masks="masks" in chosen.kinds
        )
        if not len(dataset):
            raise RecipeError("the dataset is empty")
        loader = BatchLoader(
            sources_of([(DataSpec("the dataset"), dataset)], chosen, config),
            config,
            load_tokenizer(start.tokenizer, config),
            batch_size=chosen.batch_size,
            steps=chosen.steps,
            seed=chosen.seed,
            trim=True,
        )
        model = start_model(start, chosen)
        mark = fingerprint(model)
        trainer = Trainer(model, chosen, Team(self._device))
        progress = Progress(trainer, loader, mark)
        self._restore(progress)
        return _Prepared(start, progress, loader)

    def _restore(self, progress: Progress) -> None:
        """Go on from the last checkpoint that can be read, if there is one."""
        checkpoints = self._checkpoints(progress.trainer.recipe.schedule.keep)
        while kept := checkpoints.latest():
            try:
                found = read_checkpoint(kept)
            except CheckpointsError as error:
                log.warning("%s", error)
                remove_folder(kept.folder)
                continue
            progress.restore(*found)
            return

    def _train(self, prepared: _Prepared) -> Pieces[None]:
        trainer, means = prepared.trainer, prepared.progress.means
        logs = Logs.open([], self._folder.path, trainer.step, flatten(prepared.recipe))
        if trainer.step:
            self._tell_checkpoint(trainer.step)  # if the one that saved it could not
        self._ahead = Ahead(prepared.loader, self._threads)
        means.restart()
        while trainer.step < prepared.recipe.steps:
            while not self._ahead.ready:
                self._obey()
                yield Pause(WAIT_S)
            report = yield from self._step(trainer, self._ahead.take())
            means.add(report)
            last = trainer.step >= prepared.recipe.steps
            if last or is_due(trainer.step, prepared.recipe.schedule.report_every):
                self._report(prepared, report, logs)
            pausing = self._obey().requested == "pause"
            if last or pausing or is_due(trainer.step, prepared.recipe.schedule.save_every):
                yield from self._write(lambda: self._save(prepared))
                self._tell_checkpoint(trainer.step)
            if pausing and not last:
                raise self._ended("paused", f"paused after step {trainer.step}")
        self._obey()
        logs.close()

    def _step(self, trainer: Trainer, batch: Batch) -> Pieces[StepReport]:
        pieces = trainer.pieces(batch)
        report: StepReport | None = None
        while report is None:
            with learning(self._device):
                try:
                    next(pieces)
                except StopIteration as done:
                    report = done.value
            yield None
            self._obey()
        return report

    # What is asked from outside.

    def _watch(self) -> None:
        """End where this attempt has to."""
        if self._stopping:
            raise _EndedError("stopped")
        if self._folder.superseded:
            raise _EndedError("superseded")

    def _obey(self) -> Standing:
        """End where this attempt has to, or where the job is cancelled."""
        self._watch()
        standing = self._folder.events.look()
        if standing.status not in ("queued", "running"):
            raise _EndedError(outcome_of(standing))
        if standing.requested == "cancel":
            raise self._ended("cancelled", "cancelled")
        return standing

    def _meanwhile(self, work: Callable[[], T]) -> Pieces[T]:
        """What another thread reads; it may be left alone with it."""
        future = self._threads.submit(work)
        while not future.done():
            if self._obey().requested == "pause":
                raise self._ended("paused", "paused")
            yield Pause(WAIT_S)
        return future.result()

    def _write(self, work: Callable[[], T]) -> Pieces[T]:
        """What another thread writes; it is always waited for."""
        future = self._threads.submit(work)
        self._writing = future
        while not future.done():
            yield Pause(WAIT_S)
        self._writing = None
        return future.result()

    # What is told.

    def _tell(
        self, kind: Kind, message: str, data: dict[str, object], level: Level = "info"
    ) -> Standing:
        self._watch()
        return self._folder.events.append(kind, message, data, level)

    def _become(
        self, status: Status, message: str, data: dict[str, object], level: Level = "info"
    ) -> None:
        standing = self._tell("status", message, {"status": status, **data}, level)
        if standing.status != status:  # somebody else was first
            raise _EndedError(outcome_of(standing))

    def _ended(self, status: Status, message: str) -> _EndedError:
        self._become(status, message, {})
        return _EndedError(outcome_of(self._folder.events.standing))

    def _report(self, prepared: _Prepared, last: StepReport, logs: Logs) -> None:
        trainer, steps = prepared.trainer, prepared.recipe.steps
        values = prepared.progress.report(last)
        logs.write(trainer.step, values)
        if trainer.step <= self._folder.events.standing.reported:
            return
        losses = {name: value for name, value in values.items() if name not in NOT_LOSSES}
        shown = " ".join(f"{name} {value:.4g}" for name, value in losses.items())
        progress: dict[str, object] = {  # `TrainingProgress`
            "step": trainer.step,
            "steps": steps,
            "losses": losses,
            "learning_rate": last.rate,
            "images_per_s": prepared.recipe.batch_size / values[PACE],
            "memory_bytes": memory_bytes(self._device),
            "remaining_s": (steps - trainer.step) * values[PACE],
        }
        message = f"step {trainer.step} of {steps}: {shown or 'no finite loss'}"
        self._tell("metrics", message, progress)

    def _tell_checkpoint(self, step: int) -> None:
        if step > self._folder.events.standing.saved:
            data: dict[str, object] = {"step": step, "checkpoint": f"step-{step:08d}"}
            self._tell("checkpoint", f"saved step {step}", data)

    def _failure(self, error: Exception) -> Failure | None:
        """Why the job fails; None where nobody would understand."""
        dataset = Path(self._order["dataset"])
        failure = failure_of(error)
        if failure is None or failure["code"] != "invalid_request":
            return failure and self._without_paths(failure)
        if not (dataset / DATA).is_file() or not (dataset / "images").is_dir():
            message = f"the dataset {self._folder.record['dataset']} is not there any more"
            return Failure(code="dataset_not_found", message=message)
        return self._without_paths(failure)

    def _without_paths(self, failure: Failure) -> Failure:
        """The same, with names that the caller knows."""
        message = failure["message"]
        names = {
            self._order["dataset"]: "the dataset",
            self._order["run"]: "the job's folder",
            self._order["base_folder"]: self._order["base_model"],
            str(self._base.folder): self._order["base_model"],
        }
        for path, name in names.items():
            if path:
                message = message.replace(path, name)
        return Failure(code=failure["code"], message=message)

    def _fail(self, failure: Failure) -> TrainOutcome:
        try:
            self._become("failed", failure["message"], {"error": failure}, "error")
        except _EndedError as end:
            return end.outcome
        except OSError as error:
            if not is_storage_full(error):
                raise
            raise TaskError(failure["code"], failure["message"]) from error
        return "failed"

    # What is kept.

    def _checkpoints(self, keep: int) -> Checkpoints:
        return Checkpoints(self._folder.path / CHECKPOINTS, keep)

    def _save(self, prepared: _Prepared) -> None:
        tensors, state = prepared.progress.state()
        keep = prepared.recipe.schedule.keep
        self._checkpoints(keep).save(prepared.trainer.step, tensors, state, None)

    def _write_model(self, prepared: _Prepared) -> None:
        write_trained(
            Path(self._order["model"]["folder"]),
            prepared.trainer.model,
            self._folder.record,
            prepared.recipe,
            prepared.start,
            self._base.folder,
        )


def start_of(base: SharedBase, folder: str | None) -> Start:
    """What a job starts from: the base, or a model that was trained from it.

    Raises:
        TaskError: `model_not_found`: there is none.
        CheckpointError: it cannot be used.
    """
    root = Start.of(base.folder, base.tensors)
    if folder is None:
        return root
    if not Path(folder).is_dir():
        raise TaskError("model_not_found", "the model to start from is not there any more")
    return Start.of_delta(Path(folder), root)


def check_plan(plan: TrainingPlan, root_folder: Path) -> int:
    """How many steps a job takes.

    Raises:
        TaskError: `invalid_request`: the recipe cannot be followed; or there is no such model.
    """
    folder = Path(plan["base_folder"] or root_folder)
    if not folder.is_dir():
        raise TaskError("model_not_found", "the model to start from is not there any more")
    try:
        require(folder, CONFIG)
        config = load_config(folder / CONFIG)
        device = torch.device("cpu")  # it decides nothing that is asked here
        chosen = planned(plan["recipe"], plan["hyperparameters"], plan["seed"], config, device)
    except CheckpointError as error:
        log.warning("%s", error)
        raise TaskError("model_unavailable", "the model to start from cannot be read") from error
    except RecipeError as error:
        raise TaskError("invalid_request", str(error)) from error
    return chosen.steps


def outcome_of(standing: Standing) -> TrainOutcome:
    """How an order ends where a job stands so."""
    match standing.status:
        case "paused" | "succeeded" | "failed" | "cancelled":
            return standing.status
    return "stopped"


def is_due(step: int, every: int) -> bool:
    """Whether what is done every so many steps is done after this one."""
    return every > 0 and step % every == 0


@contextmanager
def learning(device: torch.device) -> Iterator[None]:
    """Torch as training needs it, whoever calls; afterwards it is as before."""
    devices = [device] if device.type == "cuda" else []
    with torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices):
        yield


def memory_bytes(device: torch.device) -> int | None:
    """Memory that is in use: of the device, or of the process on a CPU."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return None
    return pages * resource.getpagesize()
