"""The thread that owns the device.

Its loop drops what was cancelled or has expired, then runs one step. So a cancelled call gives up
its place in the batch within one step, a new one joins between two, and a call that fails takes
no other call with it but those of the same batch.
"""

import logging
import os
import threading
import time
from collections.abc import Mapping

import torch

from pixelllm.contract import ErrorCode, WorkCounts, WorkerSettings
from pixelllm.inference.runner import Runner
from pixelllm.model.checkpoint import CheckpointError
from pixelllm.tasks import TASKS
from pixelllm.tasks.errors import TaskError
from pixelllm.worker.cache import FeatureCache
from pixelllm.worker.calls import Call
from pixelllm.worker.counts import Counts
from pixelllm.worker.loading import describe_model, load_model
from pixelllm.worker.pictures import PictureLoader
from pixelllm.worker.scheduler import Kind, Limits, Scheduler, Step
from pixelllm.worker.steps import Push, Slab, Steps

IDLE_S = 0.5  # longest wait with nothing to do; a healthy engine that idles is never older

logger = logging.getLogger(__name__)


class Engine:
    """Answers calls in batches, on a thread of its own.

    Args:
        settings: which model, where, and the limits.
        push: takes one event (`WorkerEvent`); called from the engine thread. It raises ValueError
            for an event that JSON cannot carry, such as one with a NaN.
        slab: where the files of the images lie.
    """

    def __init__(self, settings: WorkerSettings, push: Push, slab: Slab) -> None:
        self._settings = settings
        self._push = push
        self._slab = slab
        self._scheduler = Scheduler(Limits(settings["max_queue"], settings["max_batch"]))
        self._counts = Counts()
        self._steps: Steps | None = None  # once the model is loaded
        self._seen = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    # From any thread.

    def start(self) -> None:
        """Start the thread: it loads the model, pushes `ready` or `failed`, and answers calls."""
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
        self._scheduler.submit(call)

    def cancel(self, call_id: str) -> None:
        """Drop a call before the next step; an unknown id is fine."""
        self._scheduler.cancel(call_id)

    def status(self) -> dict[str, float | int]:
        """Calls that wait, calls that are worked on, and how long ago the loop passed its top."""
        queued, active = self._scheduler.counts()
        age_ms = (time.monotonic() - self._seen) * 1000
        return {"queued": queued, "active": active, "engine_age_ms": age_ms}

    def work(self) -> WorkCounts:
        """What has been done since the start."""
        return self._counts.so_far()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread after its step; calls that are left are answered `shutting_down`."""
        self._scheduler.close(TaskError("shutting_down", "the worker is shutting down"))
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    # The thread.

    @torch.inference_mode()
    def _run(self) -> None:
        self._attempt(Step(Kind.LOAD, ()))
        while self._scheduler.closed is None:
            self._seen = time.monotonic()
            self._drop()
            step = self._scheduler.next_step()
            if step is None:
                self._scheduler.wait(IDLE_S)
            else:
                self._attempt(step)
        self._close(self._scheduler.closed)

    def _attempt(self, step: Step) -> None:
        """Run a step; if it fails, answer its calls, and go on with the others."""
        try:
            if self._steps is None:
                self._steps = self._load()
            else:
                self._steps.perform(step)
        except TaskError as error:
            self._fail(step, error.code, error.message)
        except CheckpointError as error:
            self._fail(step, "model_unavailable", str(error))
        except (torch.OutOfMemoryError, MemoryError):
            logger.exception("no memory left in step %s", _named(step))
            if self._steps is not None:
                self._steps.free_memory()
            self._fail(step, "out_of_memory", "the worker has too little memory left")
        except torch.AcceleratorError:
            # A device that has reported such an error answers nothing else in this process. The
            # loop ends, the engine grows old, and the gateway replaces the worker.
            logger.exception("the device failed in step %s", _named(step))
            self._scheduler.close(TaskError("worker_unavailable", "the worker's device failed"))
            self._fail(step, "internal", "the worker's device failed; its log says how")
        except Exception:
            logger.exception("step %s failed", _named(step))
            self._fail(step, "internal", "the worker failed; its log says how")

    def _load(self) -> Steps:
        checkpoint = load_model(self._settings)
        runner = Runner(checkpoint, self._settings["max_batch"])
        runner.warm_up()
        model = describe_model(checkpoint)
        steps = Steps(
            scheduler=self._scheduler,
            runner=runner,
            loader=PictureLoader(checkpoint.config),
            cache=FeatureCache(self._settings["feature_cache_bytes"]),
            slab=self._slab,
            push=self._push,
            counts=self._counts,
        )
        ready = {"type": "ready", "pid": os.getpid(), "device": model["device"], "models": [model]}
        self._push(ready)
        return steps

    def _drop(self) -> None:
        """End what was cancelled or has expired."""
        for call in self._scheduler.sweep(time.monotonic()):
            if call.cancelled:
                self._end(call, "cancelled", "the call was cancelled")
            else:
                self._end(call, "deadline_exceeded", "the answer took too long")
        if self._steps is not None:
            self._steps.drop_unwanted_pictures()

    def _fail(self, step: Step, code: ErrorCode, message: str) -> None:
        if self._steps is None:
            error = TaskError("model_unavailable", message)
            self._push({"type": "failed", "error": {"code": error.code, "message": message}})
            self._scheduler.close(error)
            return
        for image_id in step.images:
            self._steps.forget_picture(image_id)
        for call in step.calls:
            self._end(call, code, message)

    def _end(self, call: Call, code: ErrorCode, message: str) -> None:
        """Answer a call with an error."""
        if self._steps is not None:
            self._steps.forget(call)
        self._push({"type": "error", "id": call.id, "error": {"code": code, "message": message}})

    def _close(self, reason: TaskError) -> None:
        """Answer the calls that are left."""
        for call in self._scheduler.calls():
            self._end(call, reason.code, reason.message)
        if self._steps is not None:
            self._steps.close()


def _named(step: Step) -> str:
    calls = ", ".join(call.id for call in step.calls)
    return f"{step.kind.name} of {calls or 'no call'}"
