"""What is done in each step, and what is held for the calls on their way.

The scheduler says which step comes next and for whom; here the tasks, the pictures and the model
meet. A step that fails raises: the engine answers its calls, and `forget` and `forget_picture`
undo what was begun for them.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from pixelllm.contract import Word
from pixelllm.tasks import TASKS
from pixelllm.tasks.base import Plan, Read, Task, Text, Write
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.words import place_words
from pixelllm.worker.cache import FeatureCache
from pixelllm.worker.calls import Call, Stage
from pixelllm.worker.draft import Draft
from pixelllm.worker.pictures import Picture, PictureLoader
from pixelllm.worker.runner import EncodedImage, Runner
from pixelllm.worker.scheduler import Kind, Scheduler, Step

Push = Callable[[dict[str, object]], None]


class Slab(Protocol):
    """Where the files of the images lie."""

    def read(self, offset: int, length: int) -> bytes:
        """A copy of `length` bytes at `offset`."""
        ...


@dataclass
class Work:
    """What is held for a call while it is on its way."""

    task: Task
    plan: Plan | None = None
    image: EncodedImage | None = None
    draft: Draft | None = None
    reread: Read | None = None  # a text found by beam search, to be placed
    text: Text | None = None
    words_sent: int = 0


class Steps:
    """The steps of one engine. For its thread alone.

    Args:
        scheduler: is told how each call goes on.
        runner: the model.
        loader: decodes pictures on other threads.
        cache: features of images seen before.
        slab: where the files of the images lie.
        push: takes events.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        runner: Runner,
        loader: PictureLoader,
        cache: FeatureCache[EncodedImage],
        slab: Slab,
        push: Push,
    ) -> None:
        self._scheduler = scheduler
        self._runner = runner
        self._loader = loader
        self._cache = cache
        self._slab = slab
        self._push = push
        self._works: dict[str, Work] = {}
        self._futures: dict[str, Future[Picture]] = {}
        self._pictures: dict[str, Picture] = {}

    def perform(self, step: Step) -> None:
        """Run a step.

        Raises:
            TaskError: its calls cannot be answered, through no fault of the worker.
        """
        match step.kind:
            case Kind.ADMIT:
                self._admit(*step.calls)
            case Kind.COLLECT:
                self._collect(*step.images)
            case Kind.PLAN:
                self._plan(*step.calls)
            case Kind.ENCODE:
                self._encode(step.calls, step.images)
            case Kind.PREFILL:
                self._prefill(step.calls)
            case Kind.DECODE:
                self._decode(step.calls)
            case Kind.READ:
                self._read(step.calls)
            case Kind.FINISH:
                self._finish(*step.calls)

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

    def free_memory(self) -> None:
        """Give back what can be computed again."""
        self._cache.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def close(self) -> None:
        """End the threads that decode pictures."""
        self._loader.close()

    def _admit(self, call: Call) -> None:
        """Find the features of the call's image, or have its picture decoded.

        The file is copied out of the slab here, once: after its answer a call's place in the slab
        is given to another, and no thread may still be reading it.
        """
        image_id = call.image.id
        work = self._works[call.id] = Work(TASKS[call.task], image=self._cache.get(image_id))
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
        work.plan = work.task.prepare(call.request, frame, self._runner.facts)
        if isinstance(work.plan, Write):
            call.width = work.plan.beams
            if call.width > self._runner.slots:
                message = f"beams may be {self._runner.slots} at most on this server"
                raise TaskError("invalid_request", message)
        self._scheduler.enter(call, Stage.ENCODING if work.image is None else _first_stage(work))

    def _encode(self, calls: Sequence[Call], image_ids: Sequence[str]) -> None:
        encoded = self._runner.encode([self._pictures[image_id] for image_id in image_ids])
        images = dict(zip(image_ids, encoded, strict=True))
        for image_id, image in images.items():
            self._cache.put(image_id, image)
            self.forget_picture(image_id)
        for call in calls:
            work = self._works[call.id]
            work.image = images[call.image.id]
            self._scheduler.enter(call, _first_stage(work))

    def _prefill(self, calls: Sequence[Call]) -> None:
        works = [self._works[call.id] for call in calls]
        plans = [work.plan for work in works if isinstance(work.plan, Write)]
        drafts = self._runner.prefill(plans, _images(works), [call.slots for call in calls])
        for call, work, draft in zip(calls, works, drafts, strict=True):
            work.draft = draft
            self._scheduler.enter(call, Stage.WRITING)

    def _decode(self, calls: Sequence[Call]) -> None:
        works = [self._works[call.id] for call in calls]
        drafts = [work.draft for work in works if work.draft is not None]
        self._runner.decode(drafts, _images(works), [call.slots for call in calls])
        for call, work, draft in zip(calls, works, drafts, strict=True):
            call.steps += 1
            if draft.done:
                self._written(call, work, draft)
        self._push_words(calls)

    def _written(self, call: Call, work: Work, draft: Draft) -> None:
        """Go on with a text that has all its tokens: they are placed, or have to be."""
        assert isinstance(work.plan, Write)
        text = draft.text()
        if draft.places or not text.tokens:
            work.text = text
            self._scheduler.enter(call, Stage.FINISHING)
        else:
            work.reread = Read(work.plan.prompt, work.plan.prefix, text.tokens)
            self._scheduler.enter(call, Stage.READING)

    def _read(self, calls: Sequence[Call]) -> None:
        works = [self._works[call.id] for call in calls]
        plans = [work.reread or work.plan for work in works]
        reads = [plan for plan in plans if isinstance(plan, Read)]
        texts = self._runner.read(reads, _images(works))
        for call, work, text in zip(calls, works, texts, strict=True):
            work.text = text
            self._scheduler.enter(call, Stage.FINISHING)
        self._push_words(calls)

    def _push_words(self, calls: Sequence[Call]) -> None:
        """Push the words that a step completed: one event for all calls that are streamed."""
        found = [(call.id, self._new_words(self._works[call.id])) for call in calls if call.stream]
        words = [(call_id, new) for call_id, new in found if new]
        if words:
            self._push({"type": "words", "words": words})

    def _new_words(self, work: Work) -> list[Word]:
        text = work.text or (work.draft.text() if work.draft and work.draft.places else None)
        if text is None or work.image is None or not isinstance(work.plan, Write):
            return []
        if not np.isfinite(text.corners).all():
            return []  # a defect of this call alone: making its result will fail, for it alone
        words = place_words(text, self._runner.facts.tokenizer, work.image.frame)
        new = words[work.words_sent :]
        work.words_sent = len(words)
        return new

    def _finish(self, call: Call) -> None:
        work = self._works[call.id]
        assert work.text is not None
        assert work.image is not None
        frame, facts = work.image.frame, self._runner.facts
        result = work.task.finish(call.request, work.text, frame, facts)
        self._push({"type": "done", "id": call.id, "result": result, "timing": call.timing()})
        self.forget(call)


def _first_stage(work: Work) -> Stage:
    return Stage.WAITING if isinstance(work.plan, Write) else Stage.READING


def _images(works: Sequence[Work]) -> list[EncodedImage]:
    return [work.image for work in works if work.image is not None]
