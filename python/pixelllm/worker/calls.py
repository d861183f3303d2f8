"""One request inside the worker: what was asked, where it stands, how long it has taken.

What a call's task asks for in a stage are *pieces*: texts, masks, detections. Each goes its own way
through the steps; when all are there, the task goes on.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Self

from pixelllm.tasks.errors import TaskError


class Stage(Enum):
    """Where a call stands. The order is that of a call's way; some stages are passed over.

    The last two come again for every stage of the task.
    """

    QUEUED = auto()  # not admitted
    LOADING = auto()  # its picture is decoded on the CPU
    PLANNING = auto()  # its picture's size is known; its task says what to compute first
    ENCODING = auto()  # waits for the features of its picture
    COMPUTING = auto()  # its pieces are computed
    PROCEEDING = auto()  # they are there; its task says what to compute next, or makes the result


class Need(Enum):
    """What a piece needs next."""

    DETECTION = auto()  # a pass of the detector
    SLOTS = auto()  # slots of the decode batch, to be written in
    TOKENS = auto()  # to be written on, in the slots that it holds
    READING = auto()  # a pass that leads the model through a known text
    MASK = auto()  # a pass of the mask decoder


_BUCKETS = {
    Stage.QUEUED: "queue_ms",
    Stage.LOADING: "prepare_ms",
    Stage.PLANNING: "prepare_ms",
    Stage.ENCODING: "encode_ms",
    Stage.COMPUTING: "decode_ms",
    Stage.PROCEEDING: "decode_ms",
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
    model: str
    task: str
    request: Mapping[str, object]
    image: ImageBytes
    stream: bool
    deadline: float  # time.monotonic() in seconds
    cancelled: bool = False
    stage: Stage = Stage.QUEUED
    pieces: list["Piece"] = field(default_factory=list)  # that are not there yet, in order
    turn: int = 0  # its place among the calls that need the same; the lowest is next
    taken: int = 0  # what it was given in this turn
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
                "model": str(model),
                "task": str(task),
                "request": dict(request),
                "image": {"id": str(image_id), "offset": int(offset), "bytes": int(length)},
                "ttl_ms": int() | float() as ttl_ms,
                "stream": bool(stream),
            }:
                image = ImageBytes(image_id, offset, length)
                deadline = time.monotonic() + ttl_ms / 1000
                return cls(call_id, model, task, request, image, stream, deadline)
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

    def needing(self, need: Need) -> list["Piece"]:
        """Its pieces that need this next."""
        return [piece for piece in self.pieces if piece.need is need]


@dataclass(eq=False)
class Piece:
    """One of the things that a call's task asked for."""

    call: Call
    number: int  # among what was asked for together
    need: Need
    width: int = 1  # slots that it needs to be written
    slots: tuple[int, ...] = ()  # slots that it holds
