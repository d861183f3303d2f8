"""What a measure is.

A measure knows one task. It asks about a sample, keeps of each answer what is written to the file
of predictions, and scores from that alone, so that others' predictions are scored alike.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pixelllm.contract import Mask
from pixelllm.data.sample import Box, Sample
from pixelllm.evaluation.results import Record
from pixelllm.inference.runner import EncodeMask
from pixelllm.tasks.base import Request, Result, Task

CaptionScores = Callable[[Sequence[str], Sequence[Sequence[str]]], dict[str, float]]
CaptionScore = Callable[[str, Sequence[str]], float]


@dataclass(frozen=True)
class Figure:
    """A number of the report; `value` is None where there was nothing to average."""

    name: str
    value: float | None
    meaning: str


@dataclass(frozen=True)
class Case:
    """One answer, to be shown: the higher its `worth`, the better it is."""

    index: int  # of the sample in its dataset
    image: str  # the sample's id
    worth: float
    title: str  # the phrase, or what else was asked
    lines: tuple[str, ...] = ()
    true: tuple[Box, ...] = ()
    found: tuple[Box, ...] = ()
    mask: Mask | None = None  # predicted


@dataclass(frozen=True)
class Scores:
    """What a measure has found so far.

    details: figures that are too many for a table, by name.
    """

    figures: tuple[Figure, ...]
    details: Mapping[str, object] = field(default_factory=dict)

    def value(self, name: str) -> float | None:
        """The value of a figure."""
        return next(figure.value for figure in self.figures if figure.name == name)


class Measure(Protocol):
    """How one task is measured. It collects what is added to it."""

    @property
    def task(self) -> str | Task:
        """What is asked: a task of the server by its name, or one of evaluation's own."""

    @property
    def encode_mask(self) -> EncodeMask | None:
        """How masks are made of the decoder's map; None as they are served."""

    @property
    def needs(self) -> str:
        """What a sample has to have to be asked about, for people."""

    @property
    def cases(self) -> Sequence[Case]:
        """Every answer that was added."""

    def ask(self, sample: Sample) -> list[Request]:
        """What is asked about a sample: the options of each call."""

    def records(self, sample: Sample, number: int, result: Result) -> list[Record]:
        """The predictions that the answer to question `number` is kept as."""

    def add(self, index: int, sample: Sample, records: Sequence[Record]) -> int:
        """Score all predictions about a sample, which is the dataset's number `index`.

        Returns:
            How many of its questions have no prediction; they count as wrong.

        Raises:
            ResultsError: a prediction lacks a field.
        """

    def scores(self) -> Scores:
        """The figures over all that was added.

        Raises:
            ValueError: nothing was added that could be measured.
        """
