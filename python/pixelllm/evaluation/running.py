"""A dataset from its first sample to the last: asked about, answered, scored."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import torch

from pixelllm.data.errors import DatasetError
from pixelllm.data.sample import Dataset, Sample
from pixelllm.evaluation.answering import BATCH, Call, answer_each, see
from pixelllm.evaluation.journal import Answered, Journal
from pixelllm.evaluation.measures.base import Measure
from pixelllm.evaluation.results import Record, image_id
from pixelllm.inference.runner import Runner
from pixelllm.model.checkpoint import Checkpoint
from pixelllm.tasks.errors import TaskError
from pixelllm.tasks.masks import encode_mask

PATIENCE: Final = 200  # images without a question after which the data are taken to have none

Numbered = tuple[int, Sample]


class NothingToMeasureError(Exception):
    """The data have nothing that the task asks about, or the model no part for it.

    The message says what they need.
    """


class Answers(Protocol):
    """Where predictions come from."""

    def about(self, measure: Measure, samples: Sequence[Numbered]) -> list[Answered]:
        """What is predicted about each sample."""


@dataclass(frozen=True)
class ModelAnswers:
    """A model, asked as a user asks it; what is in the journal is not asked again."""

    checkpoint: Checkpoint
    runner: Runner
    journal: Journal | None

    def about(self, measure: Measure, samples: Sequence[Numbered]) -> list[Answered]:
        """The model's answers, in batches."""
        known = {} if self.journal is None else self.journal.answers
        new = [(index, sample) for index, sample in samples if index not in known]
        found = dict(zip([index for index, _ in new], self._ask(measure, new), strict=True))
        if self.journal is not None:
            for index, answered in found.items():
                self.journal.write(index, answered)
        return [found.get(index) or known[index] for index, _ in samples]

    def _ask(self, measure: Measure, samples: Sequence[Numbered]) -> list[Answered]:
        requests = [
            (place, request)
            for place, (_, sample) in enumerate(samples)
            for request in measure.ask(sample)
        ]
        answered = [Answered(sample.id, []) for _, sample in samples]
        if not requests:
            return answered
        calls = [Call(measure.task, place, request) for place, request in requests]
        with torch.inference_mode():
            seen = see(self.checkpoint, [sample.image for _, sample in samples], self.runner)
            results = answer_each(self.checkpoint, seen, calls)
        numbers = [0] * len(samples)
        for (place, _), result in zip(requests, results, strict=True):
            number, numbers[place] = numbers[place], numbers[place] + 1
            if isinstance(result, TaskError):
                if result.code == "task_unsupported":
                    raise NothingToMeasureError(result.message)
                answered[place].refused.append(f"question {number}: {result.message}")
            else:
                sample = samples[place][1]
                answered[place].records.extend(measure.records(sample, number, result))
        return answered


@dataclass(frozen=True)
class GivenAnswers:
    """Predictions from a file, by image."""

    predictions: dict[int | str, list[Record]]

    def about(self, measure: Measure, samples: Sequence[Numbered]) -> list[Answered]:
        """What the file has of each sample, under the number of its image or its whole id."""
        return [
            Answered(
                sample.id,
                self.predictions.get(image_id(sample.id), self.predictions.get(sample.id, [])),
            )
            for _, sample in samples
        ]


def model_answers(
    checkpoint: Checkpoint, measure: Measure, journal: Journal | None
) -> ModelAnswers:
    """Answers of a model, with masks as the measure wants them."""
    runner = Runner(checkpoint, BATCH, measure.encode_mask or encode_mask)
    return ModelAnswers(checkpoint, runner, journal)


@dataclass
class Tally:
    """How far a run has come.

    skipped: (name, reason) of samples whose image cannot be read. refused: (image, reason) of
    questions that the model cannot be asked.
    """

    images: int = 0  # scored, with and without questions
    without_questions: int = 0
    questions: int = 0
    unanswered: int = 0  # refused questions among them
    partial: bool = False
    records: list[Record] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def evaluate(
    dataset: Dataset,
    measure: Measure,
    answers: Answers,
    *,
    count: int,
    batch: int,
    progress: Callable[[int], object],
) -> Tally:
    """Measure the first `count` samples. Ctrl-C ends it early, with a tally that says so.

    Args:
        batch: samples that are asked about together.
        progress: told how many more samples are done.

    Raises:
        NothingToMeasureError: no sample has what the measure needs.
        ResultsError: a prediction lacks a field.
    """
    tally = Tally()
    try:
        for start in range(0, count, batch):
            numbers = range(start, min(start + batch, count))
            samples = list(_read(dataset, numbers, tally))
            for (index, sample), answered in zip(
                samples, answers.about(measure, samples), strict=True
            ):
                _add(tally, measure, index, sample, answered)
            if not tally.questions and tally.images >= PATIENCE:
                break
            progress(len(numbers))
    except KeyboardInterrupt:
        tally.partial = True
    if not tally.images and not tally.partial:
        raise NothingToMeasureError(f"{dataset.name} has no image that can be read")
    if not tally.questions and not tally.partial:
        raise NothingToMeasureError(
            f"none of the first {tally.images} images has what is asked about: {measure.needs}"
        )
    return tally


def _read(dataset: Dataset, numbers: Sequence[int], tally: Tally) -> Iterator[Numbered]:
    for index in numbers:
        try:
            yield index, dataset[index]
        except DatasetError as error:
            tally.skipped.append((f"{dataset.name}, number {index}", str(error)))


def _add(tally: Tally, measure: Measure, index: int, sample: Sample, answered: Answered) -> None:
    asked = len(measure.ask(sample))
    tally.images += 1
    tally.without_questions += not asked
    tally.questions += asked
    tally.unanswered += measure.add(index, sample, answered.records)
    tally.records += answered.records
    tally.refused += [(sample.id, reason) for reason in answered.refused]
