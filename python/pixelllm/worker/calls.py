"""One request inside the worker: what was asked, where it stands, how long it has taken."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Self

from pixelllm.tasks.errors import TaskError


class Stage(Enum):
    """Where a call stands. The order is that of a call's way; some stages are passed over."""

    QUEUED = auto()  # not admitted
    LOADING = auto()  # its picture is decoded on the CPU
    PLANNING = auto()  # its picture's size is known; its task says what to compute
    ENCODING = auto()  # waits for the features of its picture
    WAITING = auto()  # waits for slots of the decode batch
    WRITING = auto()  # holds slots and writes
    READING = auto()  # waits for a pass that leads the model through a known text
    FINISHING = auto()  # its text is there; its task makes the result


_BUCKETS = {
    Stage.QUEUED: "queue_ms",
    Stage.LOADING: "prepare_ms",
    Stage.PLANNING: "prepare_ms",
    Stage.ENCODING: "encode_ms",
    Stage.WAITING: "decode_ms",
    Stage.WRITING: "decode_ms",
    Stage.READING: "decode_ms",
    Stage.FINISHING: "decode_ms",
}


@dataclass(frozen=True)
class ImageBytes:
    """The file of a call's image: its SHA-256 in hexadecimal and where it lies in the slab."""

    id: str
    offset: int
    length: int


@dataclass(eq=False)
class Call:
    """One request. The engine thread alone changes it, but for `cancelled`."""

    id: str
    task: str
    request: Mapping[str, object]
    image: ImageBytes
    stream: bool
    deadline: float  # time.monotonic() in seconds
    cancelled: bool = False
    stage: Stage = Stage.QUEUED
    width: int = 1  # slots that it needs to write
    slots: tuple[int, ...] = ()  # slots that it holds
    steps: int = 0  # decode steps that it took part in
    _since: float = field(default_factory=time.monotonic)
    _spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_BUCKETS.values(), 0.0))

    @classmethod
    def from_message(cls, message: Mapping[str, object]) -> Self:
        """Read a call as it comes from the gateway (`WorkerCall` in `schemas/worker.ts`).

        Raises:
            TaskError: `invalid_request` if a field is missing or of a wrong type.
        """
        match message:
            case {
                "id": str(call_id),
                "task": str(task),
                "request": dict(request),
                "image": {"id": str(image_id), "offset": int(offset), "bytes": int(length)},
                "ttl_ms": int() | float() as ttl_ms,
                "stream": bool(stream),
            }:
                image = ImageBytes(image_id, offset, length)
                deadline = time.monotonic() + ttl_ms / 1000
                return cls(call_id, task, request, image, stream, deadline)
        raise TaskError("invalid_request", "the worker was sent a malformed call")

    def enter(self, stage: Stage) -> None:
        """Move to `stage` and book the time spent in the one that ends."""
        now = time.monotonic()
        self._spent[_BUCKETS[self.stage]] += now - self._since
        self._since = now
        self.stage = stage

    def timing(self) -> dict[str, float | int]:
        """Milliseconds spent so far, waits included, and decode steps (`Timing`)."""
        self.enter(self.stage)
        spent = {name: round(seconds * 1000, 3) for name, seconds in self._spent.items()}
        return {**spent, "steps": self.steps}
