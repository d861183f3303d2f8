"""The thread that owns the device.

Its loop drops what was cancelled or has expired, then runs one step of one model, or a piece of a
training. So a cancelled call gives up its place in the batch within one step, a new one joins
between two, and a call that fails takes no other call with it but those of the same batch.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import cast

import torch

from pixelllm.contract import (
    ErrorCode,
    LoadOrder,
    TrainingPlan,
    TrainOrder,
    TrainOutcome,
    UnloadOrder,
    WorkCounts,
    WorkerSettings,
)
from pixelllm.model.checkpoint import CheckpointError, checkpoint_folder
from pixelllm.model.delta import SharedBase
from pixelllm.tasks import TASKS
from pixelllm.tasks.errors import TaskError
from pixelllm.worker.bell import Bell
from pixelllm.worker.calls import Call
from pixelllm.worker.counts import Counts
from pixelllm.worker.lanes import Lanes
from pixelllm.worker.model_orders import ModelOrder, ModelOrders
from pixelllm.worker.models import Models
from pixelllm.worker.scheduler import Limits, Step
from pixelllm.worker.steps import Push, Slab
from pixelllm.worker.training import MakeJob, Training, check_plan, make_job

IDLE_S = 0.5  # longest wait with nothing to do; a healthy engine that idles is never older

Fail = Callable[[ErrorCode, str], None]
logger = logging.getLogger(__name__)


class Engine:
    """Answers calls in batches, and follows orders, on a thread of its own.

    Args:
        settings: which models, where, and the limits; `max_queue` and `max_batch` are each model's.
        push: takes one event (`WorkerEvent`); called from the engine thread. It raises ValueError
            for an event that JSON cannot carry, such as one with a NaN.
        slab: where the files of the images lie.
        make_job: makes the training job of an order; called on another thread.
    """

    def __init__(
        self, settings: WorkerSettings, push: Push, slab: Slab, make_job: MakeJob = make_job
    ) -> None:
        self._settings = settings
        self._push = push
        self._make_job = make_job
        self._bell = Bell()
        self._counts = Counts()
        limits = Limits(settings["max_queue"], settings["max_batch"])
        self._lanes = Lanes(limits, self._bell, push)
        self._models = Models(settings, self._lanes, slab, push, self._counts)
        self._orders = ModelOrders(self._lanes, self._models, self._bell, push)
        self._training: Training | None = None
        self._taking = threading.Lock()
        self._job_maker = ThreadPoolExecutor(1, thread_name_prefix="training")
        self._closed: TaskError | None = None
        self._seen = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    # From any thread.

    def start(self) -> None:
        """Start the thread: it loads the models, pushes `ready` or `failed`, and answers calls."""
        self._seen = time.monotonic()
        self._thread.start()

    def submit(self, message: Mapping[str, object]) -> None:
        """Take a call (`WorkerCall`). Every call that is taken is answered once: `done` or `error`.

        Raises:
            queue.Full: as many calls wait as may.
            TaskError: the call cannot be taken.
        """
        call = Call.from_message(message)
        if call.task not in TASKS:
            raise TaskError("invalid_request", f"there is no task {call.task!r}")
        self._check_open()
        self._lanes.submit(call)

    def order(self, message: Mapping[str, object]) -> None:
        """Take an order (`WorkerOrder`). Every order that is taken ends in one event.

        Raises:
            TaskError: it cannot be taken; `queue_full` if it is to train, and the worker trains.
        """
        self._check_open()
        base = self._models.base
        match message:
            case {"kind": "train", "id": str(), "run": str()}:
                self._begin_training(cast(TrainOrder, message), base)
            case {"kind": "load", "id": str(), "model": {"id": str(), "folder": str()}}:
                self._orders.add(ModelOrder.from_message(cast(LoadOrder, message)))
            case {"kind": "unload", "id": str(), "model": str(name)}:
                if name == self._models.first:
                    text = "the model that the server was started with cannot be unloaded"
                    raise TaskError("invalid_request", text)
                self._orders.add(ModelOrder.from_message(cast(UnloadOrder, message)))
            case _:
                raise TaskError("invalid_request", "the worker was sent a malformed order")

    def check(self, plan: TrainingPlan) -> int:
        """How many steps a recipe (`TrainingPlan`) takes.

        Raises:
            TaskError: `invalid_request` if it cannot be followed; the message says why.
        """
        try:
            return check_plan(plan, checkpoint_folder(self._settings["model"]))
        except CheckpointError as error:
            raise TaskError("model_unavailable", str(error)) from error

    def cancel(self, name: str) -> None:
        """Drop a call before the next step, or an order; an unknown id is fine."""
        for lane in self._lanes:
            lane.scheduler.cancel(name)
        self._orders.cancel(name)
        training = self._training
        if training is not None and training.id == name:
            training.cancel()
            self._bell.ring()

    def status(self) -> dict[str, float | int]:
        """Calls that wait, calls that are worked on, and how long ago the loop passed its top."""
        queued, active = self._lanes.counts()
        age_ms = (time.monotonic() - self._seen) * 1000
        return {"queued": queued, "active": active, "engine_age_ms": age_ms}

    def work(self) -> WorkCounts:
        """What has been done since the start."""
        return self._counts.so_far()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread after its step; calls that are left are answered `shutting_down`."""
        self._give_up(TaskError("shutting_down", "the worker is shutting down"))
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _check_open(self) -> None:
        if self._closed is not None:
            raise TaskError(self._closed.code, self._closed.message)

    def _give_up(self, reason: TaskError) -> None:
        """Take nothing further, for the first reason given, and end the thread."""
        self._closed = self._closed or reason
        self._bell.ring()

    def _begin_training(self, order: TrainOrder, base: SharedBase) -> None:
        with self._taking:
            if self._training is not None:
                raise TaskError("queue_full", "this worker works on a training job already")
            making = self._job_maker.submit(self._make_job, order, base, base.device)
            self._training = Training(order["id"], making)
        making.add_done_callback(lambda _: self._bell.ring())

    # The thread.

    @torch.inference_mode()
    def _run(self) -> None:
        self._attempt(self._load, self._fail_to_load, "loading")
        while self._closed is None:
            self._seen = time.monotonic()
            for lane in self._lanes:
                lane.drop(self._seen)
            self._follow_orders()
            if not self._work():
                self._bell.wait(self._idle_s())
        self._close(self._closed)

    def _work(self) -> bool:
        """Run a step of a model, or a piece of a training; whether there was one."""
        training = self._training
        if training is not None and training.next_piece(busy=self._busy) <= time.monotonic():
            self._train(training, training.piece)
            return True
        found = self._lanes.next_step()
        if found is None:
            return False
        lane, step = found
        self._attempt(partial(lane.steps.perform, step), partial(lane.fail, step), _named(step))
        return True

    @property
    def _busy(self) -> bool:
        """Whether there are calls. A piece of training in between would keep them waiting."""
        return any(self._lanes.counts())

    def _idle_s(self) -> float:
        """How long there is nothing to do, unless the bell is rung."""
        training = self._training
        piece = training.next_piece(busy=self._busy) if training is not None else math.inf
        moment = min(self._lanes.next_deadline(), piece)
        return max(0.0, min(IDLE_S, moment - time.monotonic()))

    def _attempt(self, act: Callable[[], None], fail: Fail, name: str) -> None:
        """Act; if that fails, tell those that it was done for, and go on with the others."""
        try:
            act()
        except TaskError as error:
            fail(error.code, error.message)
        except CheckpointError as error:
            fail("model_unavailable", str(error))
        except (torch.OutOfMemoryError, MemoryError):
            logger.exception("no memory left in %s", name)
            self._models.free_memory()
            fail("out_of_memory", "the worker has too little memory left")
        except torch.AcceleratorError:
            # A device that has reported such an error answers nothing else in this process. The
            # loop ends, the engine grows old, and the gateway replaces the worker.
            logger.exception("the device failed in %s", name)
            self._give_up(TaskError("worker_unavailable", "the worker's device failed"))
            fail("internal", "the worker's device failed; its log says how")
        except Exception:
            logger.exception("%s failed", name)
            fail("internal", "the worker failed; its log says how")

    def _load(self) -> None:
        self._models.load_first()
        for source in self._settings["models"]:
            self._attempt(
                partial(self._models.load, source),
                partial(_leave_out, source["id"]),
                f"loading {source['id']}",
            )
        self._models.tell()

    def _fail_to_load(self, _: ErrorCode, message: str) -> None:
        error = TaskError("model_unavailable", message)
        self._push({"type": "failed", "error": {"code": error.code, "message": message}})
        self._give_up(error)

    def _follow_orders(self) -> None:
        for order in self._orders.next_ones():
            self._attempt(
                partial(self._orders.follow, order),
                partial(self._orders.fail, order),
                f"order {order.id}",
            )

    def _train(self, training: Training, act: Callable[[], TrainOutcome | None]) -> None:
        """Work on a training job, and say so if it ends."""

        def work() -> None:
            outcome = act()
            if outcome is not None:
                self._end_training(training, {"type": "trained", "outcome": outcome})

        def fail(code: ErrorCode, message: str) -> None:
            error = {"code": code, "message": message}
            self._end_training(training, {"type": "error", "error": error})
            if code == "out_of_memory":
                self._models.free_memory()  # the job's, which it held until here

        self._attempt(work, fail, f"a piece of training {training.id}")

    def _end_training(self, training: Training, event: dict[str, object]) -> None:
        """Let go of a job: whoever hears of its end may hand it to the next."""
        self._attempt(training.close, lambda *_: None, f"the end of training {training.id}")
        self._training = None
        self._push({**event, "id": training.id})

    def _close(self, reason: TaskError) -> None:
        """Answer what is left."""
        for lane in self._lanes:
            lane.close(reason)
        self._orders.close(reason)
        self._job_maker.shutdown(wait=False)
        training = self._training
        if training is not None:
            self._train(training, training.finish)
        if self._training is not None:
            error = {"code": reason.code, "message": reason.message}
            self._end_training(self._training, {"type": "error", "error": error})


def _leave_out(name: str, _: ErrorCode, message: str) -> None:
    logger.error("the model %s is left out: %s", name, message)


def _named(step: Step) -> str:
    calls = ", ".join(call.id for call in step.calls)
    return f"step {step.kind.name} of {calls or 'no call'}"
