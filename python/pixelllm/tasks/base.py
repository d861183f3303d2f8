"""What tasks and the engine tell each other.

A task says *what* is to be computed for one call; the engine says *when*, together with which
other calls, and on which device. A task touches neither queue nor slots nor device.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pixelllm.model.config import Prefixes
from pixelllm.model.tokenizer import Tokenizer
from pixelllm.tasks.frame import Box, Frame, Point

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


@dataclass(frozen=True)
class Write:
    """The model reads a prefix and writes a text."""

    prompt: Prompt
    prefix: Sequence[int]  # tokens, end token included
    max_tokens: int  # begin and end token not counted
    beams: int  # 1: greedy


@dataclass(frozen=True)
class Read:
    """The model reads a prefix and is then led through a text that is given."""

    prompt: Prompt
    prefix: Sequence[int]  # tokens, end token included
    text: Sequence[int]  # tokens without begin and end


Plan = Write | Read


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


@dataclass(frozen=True)
class ModelFacts:
    """What a task may know of the model that is loaded."""

    tokenizer: Tokenizer
    prefixes: Prefixes
    max_tokens: int  # of a text, begin and end not counted
    max_prefix_tokens: int  # end token included


class Task(Protocol):
    """One capability of the model. Tasks hold no state between calls."""

    def prepare(self, request: Request, frame: Frame, model: ModelFacts) -> Plan:
        """Check the request and say what is to be computed.

        Raises:
            TaskError: the request cannot be answered.
        """
        ...

    def finish(self, request: Request, text: Text, frame: Frame, model: ModelFacts) -> Result:
        """Make the result, with places in pixels of the original image."""
        ...
