"""Which calls of a model wait, and which work comes next. Policy only: no tensors, no replies.

A call is admitted in the order of arrival, waits for its picture and its features, and then its
pieces take part in steps. A *step* is the unit of work: the engine runs one at a time, and what was
cancelled or has expired is dropped between two of them. Steps of one call (admitting, planning,
proceeding) take next to no time and come first. Steps that run the model for a whole batch take
turns: of the kinds that can run, the one that ran longest ago. So the texts that are being written
wait for at most one batch of each other kind, and new work is never starved by them.

Within a kind, calls take turns too. A call with many pieces is given slots, or places in a batch,
until it has had half as many as there are slots; then it goes behind the calls that wait. So it
takes all there is while it is alone, nobody waits for more than a part of it, and it gets its part
however many others come.

`submit`, `cancel`, `close`, `image_loaded`, `has` and `counts` may be called from any thread;
everything else belongs to the engine thread.
"""

import itertools
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from pixelllm.tasks.errors import TaskError
from pixelllm.worker.bell import Bell
from pixelllm.worker.calls import Call, Need, Piece, Stage


class Kind(Enum):
    """What a step does."""

    ADMIT = auto()  # look for the features of a call's picture, or have it decoded
    COLLECT = auto()  # take a decoded picture for the calls that wait for it
    PLAN = auto()  # let a task say what is to be computed first
    PROCEED = auto()  # let a task say what is to be computed next, or make the result, and reply
    ENCODE = auto()  # encode a batch of pictures
    DETECT = auto()  # look for regions in a batch of images
    PREFILL = auto()  # let the model read prefixes, and start texts in their slots
    READ = auto()  # lead the model through known texts
    SEGMENT = auto()  # find a batch of masks
    DECODE = auto()  # one more token of every text that is being written


@dataclass(frozen=True)
class Step:
    """One unit of work, and whom it is done for: if it fails, those calls fail and no others."""

    kind: Kind
    calls: tuple[Call, ...]
    images: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()

    @classmethod
    def of_pieces(cls, kind: Kind, pieces: Sequence[Piece]) -> "Step | None":
        """A step for pieces and the calls they belong to; None without any."""
        calls = tuple(dict.fromkeys(piece.call for piece in pieces))
        return cls(kind, calls, pieces=tuple(pieces)) if pieces else None


@dataclass(frozen=True)
class Limits:
    """How much is done at a time."""

    queue: int  # calls that wait to be admitted
    slots: int  # texts that are written together; as many are read, or outlined, in one step
    encode: int = 8  # pictures that are encoded, or looked through, together
    loading: int = 4  # calls that wait for a picture to be decoded: their files are in memory

    @property
    def ahead(self) -> int:
        """Calls that are admitted and not yet writing: a full batch, and one to follow it."""
        return 2 * self.slots

    @property
    def share(self) -> int:
        """What a call is given in one turn."""
        return max(1, self.slots // 2)


class _Image(Enum):
    """Where a picture stands that is not encoded yet."""

    LOADING = auto()  # a thread decodes it
    LOADED = auto()  # decoded, or found unreadable
    READY = auto()  # collected


class Scheduler:
    """The calls of one model.

    Args:
        limits: how much is done at a time.
        bell: is rung when there is something new to do.
    """

    def __init__(self, limits: Limits, bell: Bell) -> None:
        self._limits = limits
        self._bell = bell
        self._lock = threading.RLock()
        self._closed: TaskError | None = None
        self._calls: dict[str, Call] = {}  # in order of arrival
        self._images: dict[str, _Image] = {}
        self._free = list(range(limits.slots))
        self._numbers = itertools.count()  # of turns
        # The kinds that take turns; the one that ran longest ago comes first.
        self._turns: list[Callable[[], Step | None]] = [
            self._decode,
            self._read,
            self._prefill,
            self._encode,
            self._detect,
            self._segment,
        ]

    # From any thread.

    def submit(self, call: Call) -> None:
        """Queue a call.

        Raises:
            queue.Full: as many calls wait as may.
            TaskError: the scheduler is closed, or (`invalid_request`) a call of that id runs.
        """
        with self._lock:
            if self._closed is not None:
                raise TaskError(self._closed.code, self._closed.message)
            if call.id in self._calls:
                raise TaskError("invalid_request", f"a call named {call.id!r} is running")
            if self._count(Stage.QUEUED) >= self._limits.queue:
                raise queue.Full
            self._calls[call.id] = call
            call.turn = next(self._numbers)
            self._bell.ring()

    def cancel(self, call_id: str) -> None:
        """Have a call dropped before the next step; an unknown id is fine."""
        with self._lock:
            call = self._calls.get(call_id)
            if call is not None:
                call.cancelled = True
                self._bell.ring()

    def image_loaded(self, image_id: str) -> None:
        """Say that a picture is decoded, or found unreadable, and can be collected."""
        with self._lock:
            if self._images.get(image_id) is _Image.LOADING:
                self._images[image_id] = _Image.LOADED
                self._bell.ring()

    def close(self, reason: TaskError) -> None:
        """Take no further call; each is refused with the first `reason` given."""
        with self._lock:
            self._closed = self._closed or reason
            self._bell.ring()

    @property
    def closed(self) -> TaskError | None:
        """Why no further call is taken; None while they are."""
        return self._closed

    def has(self, call_id: str) -> bool:
        """Whether a call of that id runs."""
        with self._lock:
            return call_id in self._calls

    def counts(self) -> tuple[int, int]:
        """How many calls wait to be admitted, and how many are being worked on."""
        with self._lock:
            queued = self._count(Stage.QUEUED)
            return queued, len(self._calls) - queued

    # From the engine thread.

    def next_deadline(self) -> float:
        """When the next call expires (time.monotonic()); infinity where there is none."""
        with self._lock:
            return min((call.deadline for call in self._calls.values()), default=float("inf"))

    def sweep(self, now: float) -> list[Call]:
        """Remove and return the calls that were cancelled or whose deadline has passed."""
        with self._lock:
            gone = [c for c in self._calls.values() if c.cancelled or now >= c.deadline]
        for call in gone:
            self.remove(call)
        return gone

    def calls(self) -> list[Call]:
        """All calls, in order of arrival."""
        with self._lock:
            return list(self._calls.values())

    def next_step(self) -> Step | None:
        """What to do next; None if nothing can be done but wait."""
        with self._lock:
            step = self._small_step()
            if step is not None:
                return step
            for turn in self._turns:
                step = turn()
                if step is not None:
                    self._turns.remove(turn)
                    self._turns.append(turn)
                    return step
            return None

    def enter(self, call: Call, stage: Stage) -> None:
        """Move a call on."""
        call.enter(stage)

    def need(self, piece: Piece, need: Need) -> None:
        """Note what a piece needs next. One that is not written on gives its slots back."""
        piece.need = need
        if need is not Need.TOKENS:
            self._release(piece)

    def done(self, piece: Piece) -> None:
        """Note that a piece is there; with the last one, its call goes on."""
        self._release(piece)
        piece.call.pieces.remove(piece)
        if not piece.call.pieces:
            piece.call.enter(Stage.PROCEEDING)

    def remove(self, call: Call) -> None:
        """Forget a call; its slots are free at once."""
        with self._lock:
            for piece in call.pieces:
                self._release(piece)
            self._calls.pop(call.id, None)

    def knows_image(self, image_id: str) -> bool:
        """Whether a picture is being decoded, or is decoded and waits to be encoded."""
        return image_id in self._images

    def image_loading(self, image_id: str) -> None:
        """Note that a picture is being decoded."""
        with self._lock:
            self._images[image_id] = _Image.LOADING

    def await_image(self, call: Call) -> None:
        """Let a call wait for its picture, or go on to planning if it is decoded."""
        ready = self._images[call.image.id] is _Image.READY
        call.enter(Stage.PLANNING if ready else Stage.LOADING)

    def image_ready(self, image_id: str) -> None:
        """Note that a picture is collected; the calls that wait for it go on to planning."""
        with self._lock:
            self._images[image_id] = _Image.READY
            for call in self._waiting_for(image_id, Stage.LOADING):
                call.enter(Stage.PLANNING)

    def image_gone(self, image_id: str) -> None:
        """Forget a picture: it is encoded, unreadable or no longer wanted."""
        with self._lock:
            self._images.pop(image_id, None)

    def unwanted_images(self) -> list[str]:
        """The pictures, decoded or being decoded, that no call waits for any more."""
        with self._lock:
            stages = (Stage.LOADING, Stage.PLANNING, Stage.ENCODING)
            wanted = {c.image.id for c in self._in(*stages)}
            return [image for image in self._images if image not in wanted]

    # Steps. All of these are called with the lock held.

    def _small_step(self) -> Step | None:
        for call in self._in(Stage.PROCEEDING):
            return Step(Kind.PROCEED, (call,))
        for call in self._in(Stage.PLANNING):
            return Step(Kind.PLAN, (call,))
        for image, state in self._images.items():
            if state is _Image.LOADED:
                calls = tuple(self._waiting_for(image, Stage.LOADING))
                return Step(Kind.COLLECT, calls, (image,))
        for call in self._in(Stage.QUEUED):
            return Step(Kind.ADMIT, (call,)) if self._has_room() else None
        return None

    def _has_room(self) -> bool:
        early = self._count(Stage.LOADING, Stage.PLANNING, Stage.ENCODING)
        waiting = sum(1 for c in self._in(Stage.COMPUTING) if not c.needing(Need.TOKENS))
        return (
            self._count(Stage.LOADING) < self._limits.loading
            and early + waiting < self._limits.ahead
        )

    def _encode(self) -> Step | None:
        images: dict[str, None] = {}  # in order, each once
        for call in self._in(Stage.ENCODING):
            images.setdefault(call.image.id)
        batch = tuple(images)[: self._limits.encode]
        calls = tuple(c for c in self._in(Stage.ENCODING) if c.image.id in batch)
        return Step(Kind.ENCODE, calls, batch) if calls else None

    def _detect(self) -> Step | None:
        pieces = self._in_turn(Need.DETECTION, self._limits.encode)
        return Step.of_pieces(Kind.DETECT, pieces)

    def _prefill(self) -> Step | None:
        """Give slots to the texts that wait, in turn: a wide one is not passed by others."""
        pieces = self._in_turn(Need.SLOTS, len(self._free))
        for piece in pieces:
            piece.slots = tuple(self._free[: piece.width])
            del self._free[: piece.width]
        return Step.of_pieces(Kind.PREFILL, pieces)

    def _read(self) -> Step | None:
        pieces = self._in_turn(Need.READING, self._limits.slots)
        return Step.of_pieces(Kind.READ, pieces)

    def _segment(self) -> Step | None:
        pieces = self._in_turn(Need.MASK, self._limits.slots)
        return Step.of_pieces(Kind.SEGMENT, pieces)

    def _decode(self) -> Step | None:
        calls = self._in(Stage.COMPUTING)
        pieces = [piece for call in calls for piece in call.needing(Need.TOKENS)]
        return Step.of_pieces(Kind.DECODE, pieces)

    def _in_turn(self, need: Need, room: int) -> list[Piece]:
        """Pieces that need the same, as many as there is room for, call by call in turn."""
        calls = self._in(Stage.COMPUTING)
        waiting = {call: deque(pieces) for call in calls if (pieces := call.needing(need))}
        chosen: list[Piece] = []
        while waiting:
            call = min(waiting, key=lambda call: call.turn)
            piece = waiting[call][0]
            size = piece.width if need is Need.SLOTS else 1
            if size > room:
                break
            room -= size
            chosen.append(waiting[call].popleft())
            if not waiting[call]:
                del waiting[call]
            call.taken += size
            if call.taken >= self._limits.share:
                call.turn, call.taken = next(self._numbers), 0
        return chosen

    def _in(self, *stages: Stage) -> Iterator[Call]:
        return (call for call in self._calls.values() if call.stage in stages)

    def _waiting_for(self, image_id: str, stage: Stage) -> list[Call]:
        return [call for call in self._in(stage) if call.image.id == image_id]

    def _count(self, *stages: Stage) -> int:
        return sum(1 for _ in self._in(*stages))

    def _release(self, piece: Piece) -> None:
        self._free.extend(piece.slots)
        piece.slots = ()
