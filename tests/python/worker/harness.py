"""An engine with a slab in memory and a record of what it pushes."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pixelllm.contract import WorkerSettings
from pixelllm.worker.engine import Engine
from pixelllm.worker.lanes import Lane
from pixelllm.worker.scheduler import Scheduler
from pixelllm.worker.steps import Steps
from pixelllm.worker.training import MakeJob, make_job

WAIT_S = 60.0  # only reached when something is broken

Event = dict[str, Any]


class Files:
    """Stands for the slab: files one behind the other."""

    def __init__(self) -> None:
        self._bytes = b""
        self.reads: list[tuple[int, int]] = []

    def add(self, data: bytes) -> dict[str, object]:
        """Put a file in; what a call says about it."""
        offset = len(self._bytes)
        self._bytes += data
        return {"id": hashlib.sha256(data).hexdigest(), "offset": offset, "bytes": len(data)}

    def read(self, offset: int, length: int) -> bytes:
        """A copy of a file."""
        self.reads.append((offset, length))
        return self._bytes[offset : offset + length]


class Harness:
    """An engine under test. Events go through JSON, as on the real channel."""

    def __init__(self, make_job: MakeJob = make_job, **settings: object) -> None:
        self.files = Files()
        self.events: list[Event] = []
        self.on_event: Callable[[Event], None] | None = None  # called in the engine's step
        self._arrived = threading.Condition()
        self._number = 0
        defaults: WorkerSettings = {
            "model": "named by the test",
            "models": [],
            "device": "cpu",
            "dtype": "auto",
            "threads": 1,
            "slab": {"path": "unused", "bytes": 1, "spill_path": "unused"},
            "host_pid": 1,
            "max_queue": 64,
            "max_batch": 16,
            "feature_cache_bytes": 64 * 2**20,
        }
        self.engine = Engine(
            {**defaults, **settings},  # type: ignore[typeddict-item]
            self._push,
            self.files,
            make_job,
        )
        self.model = self.engine._models.first

    def start(self) -> "Harness":
        """Start the engine and wait until it is ready."""
        self.engine.start()
        self.wait(lambda: self.of_type("ready") or self.of_type("failed"))
        assert self.of_type("ready"), self.events
        return self

    @property
    def free_slots(self) -> int:
        """Slots of the decode batch that no call holds."""
        return len(self.scheduler._free)

    @property
    def lane(self) -> Lane:
        """The lane of the model of the settings."""
        lane = self.engine._lanes.find(self.model)
        assert lane is not None
        return lane

    @property
    def scheduler(self) -> Scheduler:
        """The scheduler of that model."""
        return self.lane.scheduler

    @property
    def steps(self) -> Steps:
        """The steps of that model, once it is loaded."""
        return self.lane.steps

    def submit(
        self,
        task: str,
        picture: bytes,
        request: Mapping[str, object] | None = None,
        *,
        stream: bool = False,
        ttl_ms: float = 60_000,
        call_id: str | None = None,
        model: str | None = None,
    ) -> str:
        """Submit a call; its id."""
        self._number += 1
        call_id = call_id or f"call-{self._number}"
        image = self.files.add(picture)
        message = {
            "id": call_id,
            "model": model or self.model,
            "task": task,
            "request": dict(request or {}),
            "image": image,
        }
        self.engine.submit({**message, "ttl_ms": ttl_ms, "stream": stream})
        return call_id

    def answer(self, call_id: str) -> Event:
        """Wait for the answer of a call: its `done` or `error` event."""
        self.wait(lambda: self._answers(call_id))
        (answer,) = self._answers(call_id)
        return answer

    def result(self, call_id: str) -> Any:
        """Wait for the result of a call that must succeed."""
        answer = self.answer(call_id)
        assert answer["type"] == "done", answer
        return answer["result"]

    def error(self, call_id: str) -> str:
        """Wait for the error of a call that must fail; its code."""
        answer = self.answer(call_id)
        assert answer["type"] == "error", answer
        return str(answer["error"]["code"])

    def ask(
        self,
        task: str,
        picture: bytes,
        request: Mapping[str, object] | None = None,
        model: str | None = None,
    ) -> Any:
        """Submit a call and wait for its result."""
        return self.result(self.submit(task, picture, request, model=model))

    def order(self, kind: str, order_id: str | None = None, **fields: object) -> str:
        """Give an order; its id."""
        self._number += 1
        order_id = order_id or f"order-{self._number}"
        self.engine.order({"kind": kind, "id": order_id, **fields})
        return order_id

    def ended(self, order_id: str) -> Event:
        """Wait for the event that ends an order."""
        return self.answer(order_id)

    def streamed(self, call_id: str) -> list[Any]:
        """The words that were pushed for a call, in order."""
        pairs = [pair for event in self.of_type("words") for pair in event["words"]]
        return [word for owner, words in pairs if owner == call_id for word in words]

    def of_type(self, kind: str) -> list[Event]:
        """The events of a type so far."""
        return [event for event in list(self.events) if event["type"] == kind]

    def wait(self, condition: Callable[[], object]) -> None:
        """Wait until an event makes `condition` true."""
        with self._arrived:
            assert self._arrived.wait_for(condition, WAIT_S), self.events[-5:]

    def _answers(self, call_id: str) -> Sequence[Event]:
        kinds = ("done", "error", "loaded", "unloaded", "trained")
        return [e for e in list(self.events) if e["type"] in kinds and e["id"] == call_id]

    def _push(self, event: dict[str, object]) -> None:
        text = json.dumps(event, allow_nan=False)
        with self._arrived:
            self.events.append(json.loads(text))
            self._arrived.notify_all()
        if self.on_event is not None:
            self.on_event(self.events[-1])


def until(condition: Callable[[], object]) -> None:
    """Wait for something that no event tells of."""
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)
