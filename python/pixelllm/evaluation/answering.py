"""Many requests answered at once, without a worker around them.

Every request goes the way that a user's goes: image of any size, the task itself, the same batches
of the model (`inference/runner.py`), places in original pixels. Only queueing is missing: the tasks
go on side by side, and what they all ask for in a stage is computed together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixelllm.contract import GroundedPhrase, Region, Word
from pixelllm.inference import carrying_out
from pixelllm.inference.picture import fit_picture
from pixelllm.inference.runner import EncodedImage, Runner
from pixelllm.model.checkpoint import Checkpoint
from pixelllm.tasks import TASKS
from pixelllm.tasks.base import Answering, Found, Plan, Read, Result, Task, Text, Write, go_on
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.facts import model_facts as model_facts
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.masks import decode_mask

BATCH = 64  # texts that are written or read, or masks that are found, together


@dataclass(frozen=True)
class Call:
    """One request: a task, or its name, the index of its image, and its options."""

    task: str | Task
    image: int
    request: Mapping[str, object]


@dataclass(frozen=True)
class Seen:
    """Images after the encoders, and the model that saw them."""

    runner: Runner
    images: Sequence[EncodedImage]

    @property
    def frames(self) -> Sequence[Frame]:
        """How each image lies in the model's frame."""
        return [image.frame for image in self.images]


def see(
    checkpoint: Checkpoint, images: Sequence[NDArray[np.uint8]], runner: Runner | None = None
) -> Seen:
    """Preprocesses and encodes images, uint8[H, W, 3] of any sizes, as one batch.

    Args:
        runner: of the checkpoint, where there is one already.
    """
    runner = runner or Runner(checkpoint, slots=BATCH)
    return Seen(runner, runner.encode([fit_picture(image, checkpoint.config) for image in images]))


def answer(checkpoint: Checkpoint, seen: Seen, calls: Sequence[Call]) -> list[Result]:
    """The result of each call, as its task gives it to a user.

    Raises:
        TaskError: one of them cannot be answered.
        ValueError: one asks for more than one beam.
    """
    results = []
    for result in answer_each(checkpoint, seen, calls):
        if isinstance(result, TaskError):
            raise result
        results.append(result)
    return results


def answer_each(
    checkpoint: Checkpoint, seen: Seen, calls: Sequence[Call]
) -> list[Result | TaskError]:
    """The result of each call, or why it cannot be answered.

    Raises:
        ValueError: one asks for more than one beam.
    """
    results: dict[int, Result | TaskError] = {}
    waiting: dict[int, tuple[Answering, Sequence[Plan]]] = {}

    def go(number: int, answering: Answering, found: Sequence[Found] | None = None) -> None:
        try:
            wanted = go_on(answering, found)
        except TaskError as error:
            results[number] = error
            return
        if isinstance(wanted, Mapping):
            results[number] = wanted
        else:
            waiting[number] = answering, wanted

    facts = model_facts(checkpoint)
    for number, call in enumerate(calls):
        task = TASKS[call.task] if isinstance(call.task, str) else call.task
        go(number, task.answer(call.request, seen.frames[call.image], facts))
    while waiting:
        stage = dict(waiting)
        waiting.clear()
        plans = [plan for _, wanted in stage.values() for plan in wanted]
        images = [
            seen.images[calls[number].image]
            for number, (_, wanted) in stage.items()
            for _ in wanted
        ]
        found = iter(carrying_out.carry_out(seen.runner, plans, images))
        for number, (answering, wanted) in stage.items():
            go(number, answering, [next(found) for _ in wanted])
    return [results[number] for number in range(len(calls))]


def carry_out(
    checkpoint: Checkpoint, seen: Seen, images: Sequence[int], plans: Sequence[Write | Read]
) -> list[Text]:
    """The texts that plans give; `images[i]` is the index of the image of `plans[i]`.

    Raises:
        ValueError: a plan asks for more than one beam.
    """
    found = carrying_out.carry_out(seen.runner, plans, [seen.images[index] for index in images])
    return [text for text in found if isinstance(text, Text)]


def caption_of(result: Result) -> str:
    """The caption of a result of caption or describe."""
    caption = result["caption"]
    assert isinstance(caption, str)
    return caption


def words_of(result: Result) -> list[Word]:
    """The placed words of a result of caption or describe."""
    words = result["words"]
    assert isinstance(words, list)
    return words


def phrases_of(result: Result) -> list[GroundedPhrase]:
    """The noun phrases of a result of caption or describe that was asked for with `ground`."""
    phrases = result["phrases"]
    assert isinstance(phrases, list)
    return phrases


def box_of(result: Result) -> Sequence[float]:
    """The box of a result of locate or segment."""
    box = result["box"]
    assert isinstance(box, Sequence)
    return box


def score_of(result: Result) -> float:
    """The score of a result of any task but dense_caption."""
    score = result["score"]
    assert isinstance(score, int | float)
    return float(score)


def mask_of(result: Result) -> NDArray[np.bool_]:
    """The mask of a result of segment, of a region or of a phrase: bool[H, W]."""
    mask = result["mask"]
    assert isinstance(mask, Mapping)
    return decode_mask({"size": mask["size"], "counts": mask["counts"]})


def regions_of(result: Result) -> list[Region]:
    """The regions of a result of dense_caption, best first."""
    regions = result["regions"]
    assert isinstance(regions, list)
    return regions
