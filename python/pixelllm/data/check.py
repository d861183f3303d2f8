"""Reads a whole dataset, every image and every annotation, and tells what is wrong with it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from pixelllm.data.datasets import Spec, images_of, open_files, turns_images
from pixelllm.data.errors import DatasetError
from pixelllm.data.image_folder import ImageFolder, read_image
from pixelllm.data.own_layout import DATA, judge_repetition, read_line
from pixelllm.data.own_line import OwnLine, OwnPhrase, check_places
from pixelllm.data.sample import Caption, Exchange, Phrase, Region
from pixelllm.data.stored_json import scan_lines

MAX_NAMED: Final = 100  # missing images that are named one by one
EVERY: Final = 10_000  # images between two lines about progress

Tell: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Fault:
    """What is wrong, in a line of a file or in the whole of it."""

    file: Path
    line: int | None
    message: str

    def __str__(self) -> str:
        return self.message if self.line is None else f"{self.file}:{self.line}: {self.message}"


class Observer(Protocol):
    """Hears what checking our own layout comes upon."""

    def fault(self, fault: Fault) -> None: ...

    def good(self, line: OwnLine, width: int, height: int) -> None:
        """A line without a fault, and the size of its image in pixels."""


@dataclass
class Findings:
    """What there is, by kind, and how many things are wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: int = 0

    def note(self, message: str, tell: Tell) -> None:
        """Tells what is wrong, and counts it: a line is a problem."""
        tell(message)
        self.problems += message.count("\n") + 1

    def count(
        self,
        captions: Sequence[Caption],
        phrases: Sequence[Phrase | OwnPhrase],
        regions: Sequence[Region],
        exchanges: Sequence[Exchange] = (),
    ) -> None:
        """Counts an image with what is said about it."""
        self.counts["images"] += 1
        self.counts["captions"] += len(captions)
        self.counts["captions with places of words"] += sum(bool(c.words) for c in captions)
        self.counts["phrases"] += len(phrases)
        self.counts["phrases with masks"] += sum(p.mask is not None for p in phrases)
        self.counts["regions"] += len(regions)
        self.counts["questions with answers"] += len(exchanges)
        said = captions or phrases or regions or exchanges
        self.counts["images of which nothing is said"] += not said

    def __str__(self) -> str:
        there = ", ".join(f"{kind}: {count}" for kind, count in self.counts.items() if count)
        problems = "1 problem" if self.problems == 1 else f"{self.problems or 'no'} problems"
        return f"{there or 'nothing can be used'}; {problems}"


def check_dataset(spec: Spec, tell: Tell) -> Findings:
    """Checks a dataset to its end; `tell` gets every problem.

    Our own layout is checked line by line, so that every bad line is named. Of the others every
    sample is read, with masks; missing images are named, and are a problem unless the spec has
    `missing=skip`.
    """
    return _check_own(spec, tell) if spec.format == "own" else _check_samples(spec, tell)


def _check_own(spec: Spec, tell: Tell) -> Findings:
    found = Findings()
    path = spec.path / DATA
    try:
        upright = turns_images(spec)
    except DatasetError as error:
        found.note(str(error), tell)
        return found
    check_own(path, images_of(spec), found, _Telling(tell), upright=upright)
    return found


def check_own(
    path: Path, images: Path, found: Findings, observer: Observer, *, upright: bool
) -> None:
    """Checks our own layout line by line, each with its image.

    Args:
        path: of `data.jsonl`.
        images: the folder of the images.
        found: counts what there is, and the problems.
        observer: hears of every line.
        upright: apply EXIF rotation.
    """

    def note(message: str, line: int | None = None) -> None:
        found.note(message, lambda text: observer.fault(Fault(path, line, text)))

    lines: dict[str, int] = {}
    try:
        folder = ImageFolder(images)
        for line in scan_lines(path):
            place = f"{path}:{line.number}"
            try:
                parsed = read_line(line.data, place)
                judge_repetition(parsed.image, lines, line.number, place)
                height, width = _check_image(parsed, folder, upright, place)
            except DatasetError as error:
                note(str(error).removeprefix(f"{place}: "), line.number)
            except MemoryError:
                note("it takes more memory than a check may use", line.number)
            else:
                found.count(parsed.captions, parsed.phrases, parsed.regions)
                observer.good(parsed, width, height)
    except DatasetError as error:
        note(str(error))


@dataclass(frozen=True)
class _Telling:
    """Tells faults as text."""

    tell: Tell

    def fault(self, fault: Fault) -> None:
        self.tell(str(fault))

    def good(self, line: OwnLine, width: int, height: int) -> None:
        """Nothing is told of it."""


def _check_samples(spec: Spec, tell: Tell) -> Findings:
    found = Findings()
    accepted = spec.options.get("missing") == "skip"
    if spec.options.get("missing") == "fail":
        spec = replace(spec, options={**spec.options, "missing": "skip"})  # to go on
    try:
        dataset = open_files(spec, masks=True, missing_images="skip")
    except DatasetError as error:
        found.note(str(error), tell)
        return found
    for name in dataset.missing[:MAX_NAMED]:
        tell(f"{name} is missing")
    if len(dataset.missing) > MAX_NAMED:
        tell(f"{len(dataset.missing) - MAX_NAMED} more images are missing")
    found.counts["missing images"] = len(dataset.missing)
    found.problems += 0 if accepted else len(dataset.missing)
    for index in range(len(dataset)):
        try:
            sample = dataset[index]
        except DatasetError as error:
            found.note(str(error), tell)
        else:
            found.count(sample.captions, sample.phrases, sample.regions, sample.exchanges)
        if (index + 1) % EVERY == 0:
            tell(f"{index + 1} of {len(dataset)} images so far")
    return found


def _check_image(line: OwnLine, images: ImageFolder, upright: bool, place: str) -> tuple[int, int]:
    """The height and the width of the image; raises DatasetError where it is not there or what is
    said of it is not in it."""
    name = images.find((line.image,))
    if name is None:
        raise DatasetError(f"{place}: there is no image {line.image} in {images.path}")
    try:
        height, width = read_image(images.path / name, upright=upright).shape[:2]
        check_places(line, width, height)
    except DatasetError as error:
        raise DatasetError(f"{place}: {error}") from error
    return height, width
