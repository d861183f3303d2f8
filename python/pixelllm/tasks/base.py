"""What tasks and the engine tell each other.

A task says *what* is to be computed for one call, in stages: it asks for the things that it needs
next, gets all of them, and goes on, until it has its result. The engine says *when*, together with
which other calls, and on which device. A task touches neither queue nor slots nor device.

A task is written as one generator that reads top to bottom:

    (text,) = yield from compute([Read(...)], Text)
    (found,) = yield from compute([Segment(...)], FoundMask)
    return {...}
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pixelllm.contract import Mask
from pixelllm.model.config import Prefixes
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.tasks.frame import Box, Frame, Point

if TYPE_CHECKING:  # tasks are imported before there is time to import torch
    from pixelllm.model.mask_adapter import TextStates

Request = Mapping[str, object]
Result = Mapping[str, object]


@dataclass(frozen=True)
class BoxPrompt:
    """Look inside this box of the model's frame."""

    box: Box


@dataclass(frozen=True)
class PointPrompt:
    """Look at what lies under this point of the model's frame."""

    point: Point


Prompt = BoxPrompt | PointPrompt


# What can be asked for.


@dataclass(frozen=True)
class Write:
    """The model reads a prefix and writes a text. Gives a `Text`."""

    prompt: Prompt
    prefix: Sequence[int]  # tokens, end token included
    max_tokens: int  # begin and end token not counted
    beams: int  # 1: greedy


@dataclass(frozen=True)
class Read:
    """The model reads a prefix and is then led through a text that is given. Gives a `Text`."""

    prompt: Prompt
    prefix: Sequence[int]  # tokens, end token included
    text: Sequence[int]  # tokens without begin and end
    keep_states: bool = False  # whether the text is to have `states`, for a mask of what it names


@dataclass(frozen=True)
class Detect:
    """The model looks for regions that are worth a caption. Gives `Regions`."""

    overlap: float  # IoU at which the weaker of two regions goes


@dataclass(frozen=True)
class Segment:
    """The model finds the pixels of what lies in a box. Gives a `FoundMask`."""

    box: Box  # model frame
    states: TextStates | None = None  # of the text that refers to it; None for the box alone


Plan = Write | Read | Detect | Segment


# What is given for it.


@dataclass(frozen=True)
class Text:
    """A text that the model has written, is writing, or was led through.

    While it is being written, its last token has no place yet: the model places a token when it
    reads it.
    """

    tokens: Sequence[int]  # T tokens without begin and end
    log_probs: Sequence[float]  # of each token, T natural logarithms
    corners: NDArray[np.float32]  # [T or T - 1, 2, 2], two (x, y) per token, model-frame pixels
    finished: bool
    # Of a text that was given: how sure the model is of each place, T numbers of 0-1. None where
    # it was not trained to say.
    confidences: Sequence[float] | None = None
    score: float | None = None  # what the search says of a text that it found (`Decoded.score`)
    states: TextStates | None = None  # of a text that was given, where its plan asks for them


@dataclass(frozen=True)
class Regions:
    """What was detected, best first."""

    boxes: Sequence[Box]  # model frame; may reach beyond the image, or lie beside it
    scores: Sequence[float]  # of each, 0-1; not finite where the model computed no number


@dataclass(frozen=True)
class FoundMask:
    """The pixels of the original image that were found, possibly none."""

    mask: Mask
    score: float  # predicted IoU, 0-1; not finite where the model computed no number


Found = Text | Regions | FoundMask

Answering = Generator[Sequence[Plan], Sequence[Found], Result]

F = TypeVar("F", Text, Regions, FoundMask)


def compute(
    plans: Sequence[Plan], kind: type[F]
) -> Generator[Sequence[Plan], Sequence[Found], list[F]]:
    """Ask for what `plans` say, all of one type; what is found for each, in order.

    Without plans there is nothing to wait for.
    """
    if not plans:
        return []
    found = yield plans
    right = [one for one in found if isinstance(one, kind)]
    assert len(right) == len(plans)
    return right


def go_on(answering: Answering, found: Sequence[Found] | None = None) -> Sequence[Plan] | Result:
    """Let a task begin (without `found`), or go on: what it needs next, or its result.

    Raises:
        TaskError: the request cannot be answered.
    """
    try:
        return next(answering) if found is None else answering.send(found)
    except StopIteration as end:
        result: Result = end.value
        return result


@dataclass(frozen=True)
class ModelFacts:
    """What a task may know of the model that is loaded."""

    tokenizer: Tokenizer
    prefixes: Prefixes
    max_tokens: int  # of a text, begin and end not counted
    max_prefix_tokens: int  # end token included
    masks: bool = False  # whether it has a mask decoder
    detector: bool = False  # whether it finds regions


class Task(Protocol):
    """One capability of the model. Tasks hold no state between calls."""

    def supported(self, model: ModelFacts) -> bool:
        """Whether this model has the parts that every request of the task needs."""
        ...

    def answer(self, request: Request, frame: Frame, model: ModelFacts) -> Answering:
        """Check the request, ask for what is to be computed, and make the result of it.

        Places in the result are in pixels of the original image.

        Raises:
            TaskError: the request cannot be answered; so says the first step already where the
                request itself is wrong.
        """
        ...
