"""The models of an engine. Each has a lane: its own queue, its own batch, its own steps.

The engine takes one step from each lane in turn, so that no model waits for more than one step of
each other, whatever their calls ask for. All methods belong to the engine thread, but for those
that say otherwise.
"""

import math
from collections.abc import Iterator

from pixelllm.contract import ErrorCode, LoadedModel
from pixelllm.tasks.errors import TaskError
from pixelllm.worker.bell import Bell
from pixelllm.worker.calls import Call
from pixelllm.worker.scheduler import Limits, Scheduler, Step
from pixelllm.worker.steps import Push, Steps


class Lane:
    """One model and its calls.

    Args:
        name: what calls say to choose the model.
        scheduler: takes calls from the first moment on.
        push: takes events.
    """

    def __init__(self, name: str, scheduler: Scheduler, push: Push) -> None:
        self.name = name
        self.scheduler = scheduler
        self.leaving = False  # it takes no further call, and goes when the last is answered
        self._push = push
        self._steps: Steps | None = None
        self._model: LoadedModel | None = None

    def open(self, model: LoadedModel, steps: Steps) -> None:
        """Begin to answer: the model is loaded."""
        self._model, self._steps = model, steps

    @property
    def is_open(self) -> bool:
        """Whether its model is loaded."""
        return self._steps is not None

    @property
    def model(self) -> LoadedModel:
        """What there is to know of its model. Only of an open lane."""
        assert self._model is not None
        return self._model

    @property
    def steps(self) -> Steps:
        """Its steps. Only of an open lane."""
        assert self._steps is not None
        return self._steps

    def submit(self, call: Call) -> None:
        """Take a call. From any thread.

        Raises:
            queue.Full: as many calls wait as may.
            TaskError: the call cannot be taken.
        """
        if self.leaving:
            raise unknown_model(self.name)
        self.scheduler.submit(call)

    def drop(self, now: float) -> None:
        """End what was cancelled or has expired."""
        for call in self.scheduler.sweep(now):
            if call.cancelled:
                self._end(call, "cancelled", "the call was cancelled")
            else:
                self._end(call, "deadline_exceeded", "the answer took too long")
        if self._steps is not None:
            self._steps.drop_unwanted_pictures()

    def fail(self, step: Step, code: ErrorCode, message: str) -> None:
        """Answer the calls of a step that failed."""
        for image_id in step.images:
            self.steps.forget_picture(image_id)
        for call in step.calls:
            self._end(call, code, message)

    def close(self, reason: TaskError) -> None:
        """Answer the calls that are left and take no further."""
        self.scheduler.close(reason)
        for call in self.scheduler.calls():
            self._end(call, reason.code, reason.message)
        if self._steps is not None:
            self._steps.close()

    def _end(self, call: Call, code: ErrorCode, message: str) -> None:
        """Answer a call with an error."""
        if self._steps is not None:
            self._steps.forget(call)
        self.scheduler.remove(call)
        self._push({"type": "error", "id": call.id, "error": {"code": code, "message": message}})


class Lanes:
    """All lanes of an engine; the one whose turn is longest ago comes first."""

    def __init__(self, limits: Limits, bell: Bell, push: Push) -> None:
        self._limits = limits
        self._bell = bell
        self._push = push
        self._lanes: dict[str, Lane] = {}  # replaced, never changed: other threads read it
        self._turns: list[Lane] = []

    def __iter__(self) -> Iterator[Lane]:
        """In the order in which they were added. From any thread."""
        return iter(self._lanes.values())

    def add(self, name: str) -> Lane:
        """A new lane, which takes calls at once."""
        lane = Lane(name, Scheduler(self._limits, self._bell), self._push)
        self._lanes = {**self._lanes, name: lane}
        self._turns.append(lane)
        return lane

    def remove(self, lane: Lane, reason: TaskError) -> None:
        """Close a lane and forget it."""
        lane.close(reason)
        self._lanes = {name: other for name, other in self._lanes.items() if other is not lane}
        self._turns.remove(lane)

    def find(self, name: str) -> Lane | None:
        """The lane of a model. From any thread."""
        return self._lanes.get(name)

    def submit(self, call: Call) -> None:
        """Give a call to the model that it names. From any thread.

        Raises:
            queue.Full: as many calls wait for that model as may.
            TaskError: the call cannot be taken.
        """
        lane = self.find(call.model)
        if lane is None:
            raise unknown_model(call.model)
        if any(other.scheduler.has(call.id) for other in self):
            raise TaskError("invalid_request", f"a call named {call.id!r} is running")
        lane.submit(call)

    def next_step(self) -> tuple[Lane, Step] | None:
        """What to do next, and where; None if nothing can be done but wait."""
        for lane in self._turns:
            step = lane.scheduler.next_step() if lane.is_open else None
            if step is not None:
                self._turns.remove(lane)
                self._turns.append(lane)
                return lane, step
        return None

    def next_deadline(self) -> float:
        """When the next call expires (time.monotonic()); infinity where there is none."""
        return min((lane.scheduler.next_deadline() for lane in self), default=math.inf)

    def counts(self) -> tuple[int, int]:
        """How many calls wait, and how many are being worked on. From any thread."""
        counts = [lane.scheduler.counts() for lane in self]
        return sum(queued for queued, _ in counts), sum(active for _, active in counts)


def unknown_model(name: str) -> TaskError:
    """No model of that name is loaded."""
    return TaskError("model_not_found", f"the model {name!r} is not loaded")
