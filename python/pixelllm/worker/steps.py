"""What is done in each step, and what is held for the calls on their way.

The scheduler says which step comes next and for whom; here the tasks, the pictures and the model
meet. A step that fails raises: the engine answers its calls, and `forget` and `forget_picture`
undo what was begun for them.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np

from pixelllm.contract import StepName, Word
from pixelllm.inference.draft import Draft
from pixelllm.inference.picture import Picture
from pixelllm.inference.runner import EncodedImage, Runner
from pixelllm.tasks import TASKS
from pixelllm.tasks.base import (
    Answering,
    Detect,
    Found,
    Plan,
    Read,
    Result,
    Segment,
    Text,
    Write,
    go_on,
)
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.words import place_words
from pixelllm.worker.cache import FeatureCache, FeatureKey
from pixelllm.worker.calls import Call, Need, Piece, Stage
from pixelllm.worker.counts import Counts
from pixelllm.worker.pictures import PictureLoader
from pixelllm.worker.scheduler import Kind, Scheduler, Step

P = TypeVar("P", Write, Read, Detect, Segment)
Push = Callable[[dict[str, object]], None]

_FIRST_NEEDS: Mapping[type[Plan], Need] = {
    Write: Need.SLOTS,
    Read: Need.READING,
    Detect: Need.DETECTION,
    Segment: Need.MASK,
}


_COUNTED: Mapping[Kind, StepName] = {
    Kind.ENCODE: "encode",
    Kind.DETECT: "detect",
    Kind.PREFILL: "prefill",
    Kind.READ: "read",
    Kind.SEGMENT: "segment",
    Kind.DECODE: "decode",
}


class Slab(Protocol):
    """Where the files of the images lie."""

    def read(self, offset: int, length: int) -> bytes:
        """A copy of `length` bytes at `offset`."""
        ...


@dataclass
class Work:
    """What is held for a call while it is on its way."""

    image: EncodedImage | None = None
    answering: Answering | None = None  # its task, on its way
    plans: list[Plan] = field(default_factory=list)  # what the task asked for, by piece
    found: list[Found | None] = field(default_factory=list)  # what is there of it
    drafts: dict[int, Draft] = field(default_factory=dict)  # texts that are being written
    words_sent: int = 0


class Steps:
    """The steps of one model. For the engine's thread alone.

    Args:
        scheduler: is told how each call goes on.
        runner: the model.
        loader: decodes pictures on other threads.
        cache: features of images seen before, of all models.
        encoders: names the model's image encoders among those of all models.
        slab: where the files of the images lie.
        push: takes events.
        counts: is told what is done.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        runner: Runner,
        loader: PictureLoader,
        cache: FeatureCache[FeatureKey, EncodedImage],
        encoders: str,
        slab: Slab,
        push: Push,
        counts: Counts,
    ) -> None:
        self._scheduler = scheduler
        self._runner = runner
        self._loader = loader
        self._cache = cache
        self._encoders = encoders
        self._slab = slab
        self._push = push
        self._counts = counts
        self._works: dict[str, Work] = {}
        self._futures: dict[str, Future[Picture]] = {}
        self._pictures: dict[str, Picture] = {}

    def perform(self, step: Step) -> None:
        """Run a step.

        Raises:
            TaskError: its calls cannot be answered, through no fault of the worker.
        """
        name = _COUNTED.get(step.kind)
        if name is None:
            self._perform(step)
            return
        with self._counts.step(name, len(step.images) or len(step.pieces)):
            self._perform(step)

    def _perform(self, step: Step) -> None:
        match step.kind:
            case Kind.ADMIT:
                self._admit(*step.calls)
            case Kind.COLLECT:
                self._collect(*step.images)
            case Kind.PLAN:
                self._plan(*step.calls)
            case Kind.ENCODE:
                self._encode(step.calls, step.images)
            case Kind.PROCEED:
                self._proceed(*step.calls)
            case Kind.DETECT:
                self._keep(step.pieces, self._runner.detect(*self._batch(step.pieces, Detect)))
            case Kind.PREFILL:
                self._prefill(step.pieces)
            case Kind.DECODE:
                self._decode(step.pieces)
            case Kind.READ:
                self._read(step.pieces)
            case Kind.SEGMENT:
                self._keep(step.pieces, self._runner.segment(*self._batch(step.pieces, Segment)))

    def forget(self, call: Call) -> None:
        """Let go of a call; its slots and its memory are free at once."""
        self._scheduler.remove(call)
        self._works.pop(call.id, None)

    def forget_picture(self, image_id: str) -> None:
        """Let go of a picture."""
        self._futures.pop(image_id, None)
        self._pictures.pop(image_id, None)
        self._scheduler.image_gone(image_id)

    def drop_unwanted_pictures(self) -> None:
        """Let go of the pictures that no call waits for, but for one that a thread works on."""
        for image_id in self._scheduler.unwanted_images():
            future = self._futures.get(image_id)
            if future is None or future.cancel():
                self.forget_picture(image_id)

    def close(self) -> None:
        """End the threads that decode pictures."""
        self._loader.close()

    def _admit(self, call: Call) -> None:
        """Find the features of the call's image, or have its picture decoded.

        The file is copied out of the slab here, once: after its answer a call's place in the slab
        is given to another, and no thread may still be reading it.
        """
        image_id = call.image.id
        work = self._works[call.id] = Work(self._features(image_id))
        self._counts.looked_up(hit=work.image is not None)
        if work.image is not None:
            self._scheduler.enter(call, Stage.PLANNING)
            return
        if not self._scheduler.knows_image(image_id):
            data = self._slab.read(call.image.offset, call.image.length)
            self._scheduler.image_loading(image_id)
            self._futures[image_id] = self._loader.load(
                data, image_id, lambda: self._scheduler.image_loaded(image_id)
            )
        self._scheduler.await_image(call)

    def _collect(self, image_id: str) -> None:
        """Take a picture from the thread that decoded it."""
        self._pictures[image_id] = self._futures.pop(image_id).result()
        self._scheduler.image_ready(image_id)

    def _plan(self, call: Call) -> None:
        work = self._works[call.id]
        frame = (work.image or self._pictures[call.image.id]).frame
        work.answering = TASKS[call.task].answer(call.request, frame, self._runner.facts)
        self._take_up(call, work, go_on(work.answering))

    def _proceed(self, call: Call) -> None:
        work = self._works[call.id]
        assert work.answering is not None
        found = [one for one in work.found if one is not None]
        self._take_up(call, work, go_on(work.answering, found))

    def _take_up(self, call: Call, work: Work, wanted: Sequence[Plan] | Result) -> None:
        """Have computed what a task wants, or reply with its result."""
        if isinstance(wanted, Mapping):
            self._push({"type": "done", "id": call.id, "result": wanted, "timing": call.timing()})
            self.forget(call)
            return
        assert wanted, "a task goes on when something was computed"
        work.plans, work.found = list(wanted), [None] * len(wanted)
        call.pieces = [self._piece(call, number, plan) for number, plan in enumerate(wanted)]
        self._scheduler.enter(call, Stage.ENCODING if work.image is None else Stage.COMPUTING)

    def _piece(self, call: Call, number: int, plan: Plan) -> Piece:
        width = plan.beams if isinstance(plan, Write) else 1
        if width > self._runner.slots:
            message = f"beams may be {self._runner.slots} at most on this server"
            raise TaskError("invalid_request", message)
        return Piece(call, number, _FIRST_NEEDS[type(plan)], width)

    def _encode(self, calls: Sequence[Call], image_ids: Sequence[str]) -> None:
        # A model with the same encoders may have got ahead since the call was admitted.
        known = {image_id: self._features(image_id) for image_id in image_ids}
        missing = [image_id for image_id, image in known.items() if image is None]
        pictures = [self._pictures[image_id] for image_id in missing]
        encoded = self._runner.encode(pictures) if pictures else []
        images = {image_id: image for image_id, image in known.items() if image is not None}
        images.update(zip(missing, encoded, strict=True))
        for image_id in missing:
            self._cache.put(FeatureKey(self._encoders, image_id), images[image_id])
        for image_id in image_ids:
            self.forget_picture(image_id)
        for call in calls:
            self._works[call.id].image = images[call.image.id]
            self._scheduler.enter(call, Stage.COMPUTING)

    def _features(self, image_id: str) -> EncodedImage | None:
        return self._cache.get(FeatureKey(self._encoders, image_id))

    def _prefill(self, pieces: Sequence[Piece]) -> None:
        plans, images = self._batch(pieces, Write)
        drafts = self._runner.prefill(plans, images, [piece.slots for piece in pieces])
        for piece, draft in zip(pieces, drafts, strict=True):
            self._work(piece).drafts[piece.number] = draft
            self._scheduler.need(piece, Need.TOKENS)

    def _decode(self, pieces: Sequence[Piece]) -> None:
        _, images = self._batch(pieces, Write)
        drafts = [self._work(piece).drafts[piece.number] for piece in pieces]
        self._runner.decode(drafts, images, [piece.slots for piece in pieces])
        for call in dict.fromkeys(piece.call for piece in pieces):
            call.steps += 1
        for piece, draft in zip(pieces, drafts, strict=True):
            if draft.done:
                self._written(piece, draft)
        self._push_words(pieces)

    def _written(self, piece: Piece, draft: Draft) -> None:
        """Go on with a text that has all its tokens: they are placed, or have to be."""
        text = draft.text()
        if draft.places or not text.tokens:
            self._keep([piece], [text])
        else:
            self._scheduler.need(piece, Need.READING)

    def _read(self, pieces: Sequence[Piece]) -> None:
        plans = [self._reading(piece) for piece in pieces]
        texts = self._runner.read(plans, [self._image(piece) for piece in pieces])
        self._keep(pieces, texts)
        self._push_words(pieces)

    def _reading(self, piece: Piece) -> Read:
        """What is to be read: a given text, or one found by beam search, to be placed."""
        work = self._work(piece)
        plan = work.plans[piece.number]
        if isinstance(plan, Write):
            return Read(plan.prompt, plan.prefix, work.drafts[piece.number].text().tokens)
        assert isinstance(plan, Read)
        return plan

    def _keep(self, pieces: Sequence[Piece], found: Sequence[Found]) -> None:
        """Keep what was computed for pieces."""
        for piece, one in zip(pieces, found, strict=True):
            work = self._work(piece)
            work.found[piece.number] = one
            work.drafts.pop(piece.number, None)
            self._scheduler.done(piece)

    def _work(self, piece: Piece) -> Work:
        return self._works[piece.call.id]

    def _image(self, piece: Piece) -> EncodedImage:
        image = self._work(piece).image
        assert image is not None
        return image

    def _batch(self, pieces: Sequence[Piece], kind: type[P]) -> tuple[list[P], list[EncodedImage]]:
        """What was asked for, all of one kind, and the image of each."""
        plans = [self._work(piece).plans[piece.number] for piece in pieces]
        right = [plan for plan in plans if isinstance(plan, kind)]
        assert len(right) == len(pieces)
        return right, [self._image(piece) for piece in pieces]

    def _push_words(self, pieces: Sequence[Piece]) -> None:
        """Push the words that a step completed: one event for all calls that are streamed.

        A call that is streamed writes one text.
        """
        streamed = [piece for piece in pieces if piece.call.stream and piece.number == 0]
        found = [(piece.call.id, self._new_words(piece)) for piece in streamed]
        words = [(call_id, new) for call_id, new in found if new]
        if words:
            self._push({"type": "words", "words": words})

    def _new_words(self, piece: Piece) -> list[Word]:
        work = self._work(piece)
        text, draft = work.found[piece.number], work.drafts.get(piece.number)
        if text is None and draft is not None and draft.places:
            text = draft.text()
        if not isinstance(text, Text) or not isinstance(work.plans[piece.number], Write):
            return []
        if not np.isfinite(text.corners).all():
            return []  # a defect of this call alone: making its result will fail, for it alone
        words = place_words(text, self._runner.facts.tokenizer, self._image(piece).frame)
        new = words[work.words_sent :]
        work.words_sent = len(words)
        return new
