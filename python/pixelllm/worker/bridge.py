"""What the gateway can call: the module that pythonia imports by name.

Every function takes a string and returns JSON text at once, whatever happens; pythonia answers one
message at a time, on the main thread. Work is done on the engine's thread, and what comes of it is
pushed. The messages are described in `schemas/worker.ts`.
"""

import json
import logging
import os
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from pixelllm.contract import (
    Accepted,
    ErrorCode,
    PlanChecked,
    Pong,
    Refusal,
    Started,
    TrainingPlan,
    WorkCounts,
    WorkerSettings,
)
from pixelllm.parent import end_with_parent
from pixelllm.tasks.errors import TaskError
from pixelllm.worker.channel import Channel
from pixelllm.worker.process import log_to_stderr
from pixelllm.worker.slab import SlabReader

STOP_S = 2.0  # for the engine's current step when the worker ends

Push = Callable[[Mapping[str, object]], None]
logger = logging.getLogger(__name__)


class Engine(Protocol):
    """Answers calls, follows orders, on a thread of its own: `pixelllm.worker.engine`."""

    def start(self) -> None: ...

    def submit(self, message: Mapping[str, object]) -> None: ...

    def order(self, message: Mapping[str, object]) -> None: ...

    def check(self, plan: TrainingPlan) -> int: ...

    def cancel(self, name: str) -> None: ...

    def status(self) -> Mapping[str, float | int]: ...

    def work(self) -> WorkCounts: ...

    def stop(self, timeout_s: float) -> None: ...


MakeEngine = Callable[[WorkerSettings, Push, SlabReader], Engine]


class Bridge:
    """The functions for Node, around one engine.

    Args:
        make_engine: called once, on a thread of its own, so it may take its time.
    """

    def __init__(self, make_engine: MakeEngine) -> None:
        self._make_engine = make_engine
        self._engine: Engine | None = None

    def start(self, settings_json: str) -> str:
        """Begin to load the model (`WorkerSettings`); `ready` or `failed` is pushed later."""
        return _acknowledge(lambda: self._start(json.loads(settings_json)))

    def submit(self, call_json: str) -> str:
        """Take a call (`WorkerCall`); its answer is pushed as `done` or `error`."""
        return _acknowledge(lambda: self._submit(json.loads(call_json)))

    def order(self, order_json: str) -> str:
        """Take an order (`WorkerOrder`); its end is pushed: what it asked for, or `error`."""
        return _acknowledge(lambda: self._order(json.loads(order_json)))

    def check(self, plan_json: str) -> str:
        """Say whether a recipe (`TrainingPlan`) can be followed, and in how many steps."""
        return _acknowledge(lambda: self._check(json.loads(plan_json)))

    def cancel(self, name: str) -> str:
        """Drop a call or an order before the engine's next step; an unknown id is fine."""
        return _acknowledge(lambda: self._cancel(name))

    def ping(self, _: str) -> str:
        """Say that the process lives, and when its engine was last seen."""
        return _acknowledge(self._ping)

    def shutdown(self, _: str) -> str:
        """End the engine's thread."""
        return _acknowledge(self._shutdown)

    def _start(self, settings: WorkerSettings) -> Started:
        end_with_parent(settings["host_pid"])
        log_to_stderr()
        push = Channel().push
        slab = SlabReader(settings["slab"])
        loading = threading.Thread(target=self._load, args=(settings, push, slab), daemon=True)
        loading.start()
        return {"ok": True, "pid": os.getpid()}

    def _load(self, settings: WorkerSettings, push: Push, slab: SlabReader) -> None:
        try:
            engine = self._make_engine(settings, push, slab)
        except Exception as error:  # the thread ends here: nobody else can report it
            logger.exception("the engine cannot be made")
            message = f"the Python worker cannot start: {error}"
            push({"type": "failed", "error": {"code": "model_unavailable", "message": message}})
            return
        self._engine = engine
        engine.start()

    def _submit(self, call: Mapping[str, object]) -> Accepted:
        self._loaded.submit(call)
        return {"ok": True}

    def _order(self, order: Mapping[str, object]) -> Accepted:
        self._loaded.order(order)
        return {"ok": True}

    def _check(self, plan: TrainingPlan) -> PlanChecked:
        return {"ok": True, "steps": self._loaded.check(plan)}

    @property
    def _loaded(self) -> Engine:
        if self._engine is None:
            raise TaskError("worker_unavailable", "the model is being loaded")
        return self._engine

    def _cancel(self, name: str) -> Accepted:
        if self._engine is not None:
            self._engine.cancel(name)
        return {"ok": True}

    def _ping(self) -> Pong:
        status = self._engine.status() if self._engine is not None else {}
        pong: Pong = {
            "ok": True,
            "pid": os.getpid(),
            "engine_age_ms": status.get("engine_age_ms", 0),
            "queued": int(status.get("queued", 0)),
            "active": int(status.get("active", 0)),
        }
        if self._engine is not None:
            pong["work"] = self._engine.work()
        return pong

    def _shutdown(self) -> Accepted:
        if self._engine is not None:
            self._engine.stop(STOP_S)
        return {"ok": True}


def _acknowledge(act: Callable[[], Accepted | PlanChecked | Started | Pong]) -> str:
    """Act, and say how it went. Nothing is raised: pythonia could not pass it on."""
    try:
        return json.dumps(act(), allow_nan=False)
    except queue.Full:
        return _refuse("queue_full", "too many calls wait already")
    except TaskError as error:
        return _refuse(error.code, error.message)
    except Exception:
        logger.exception("a message of the gateway was not taken")
        return _refuse("internal", "the worker failed on this message; its log says how")


def _refuse(code: ErrorCode, message: str) -> str:
    refusal: Refusal = {"ok": False, "error": {"code": code, "message": message}}
    return json.dumps(refusal)


def _make_engine(settings: WorkerSettings, push: Push, slab: SlabReader) -> Engine:
    # Importing torch takes seconds, in which the main thread has messages to answer.
    from pixelllm.worker.engine import Engine as TorchEngine

    return TorchEngine(settings, push, slab)


_bridge = Bridge(_make_engine)
start = _bridge.start
submit = _bridge.submit
order = _bridge.order
check = _bridge.check
cancel = _bridge.cancel
ping = _bridge.ping
shutdown = _bridge.shutdown
