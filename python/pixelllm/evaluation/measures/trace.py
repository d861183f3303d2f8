"""The measure of `trace`: where the model places the words of a true caption, teacher-forced."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pixelllm.data.sample import Box, Caption, Sample, SpokenCaption, WordPlace
from pixelllm.evaluation.leading import LeadThrough
from pixelllm.evaluation.measures.base import Case, Figure, Scores
from pixelllm.evaluation.metrics import mean
from pixelllm.evaluation.results import Record, ResultsError, by_question, image_id
from pixelllm.evaluation.traces import local_bipartite_matching, point_l1
from pixelllm.inference.runner import EncodeMask
from pixelllm.tasks.base import Request, Result, Task
from pixelllm.tasks.frame import corners_box
from pixelllm.training.token_places import spoken_places, written_places

WINDOWS: Final = (0, 1)  # of local bipartite matching, as in its paper
SHOWN: Final = 12  # words in a picture


class TraceMeasure:
    """Places of the words of every caption whose words have places.

    A token is to be where the word is that it begins in.
    """

    encode_mask: EncodeMask | None = None
    needs = "captions whose words have places, as Localized Narratives has"

    def __init__(self) -> None:
        self.task: str | Task = LeadThrough()
        self.cases: list[Case] = []
        self.l1: list[float] = []  # of each caption
        self.matched: dict[int, list[float]] = {window: [] for window in WINDOWS}

    def captions(self, sample: Sample) -> Sequence[Caption]:
        """The captions that are asked about."""
        return placed_captions(sample)

    def true_places(
        self, caption: Caption, starts: Sequence[int], height: int, width: int
    ) -> NDArray[np.floating]:
        """Where tokens that begin at `starts` are to be: [T, 4], pixels; zero for those without."""
        return written_places(starts, caption.words)

    def ask(self, sample: Sample) -> list[Request]:
        """Each caption that has places."""
        return [{"caption": caption.text} for caption in self.captions(sample)]

    def records(self, sample: Sample, number: int, result: Result) -> list[Record]:
        """The corners of each token, and where in the caption its word begins."""
        caption = self.captions(sample)[number]
        corners = result["corners"]
        assert isinstance(corners, list)
        return [
            {
                "image_id": image_id(sample.id),
                "index": number,
                "caption": caption.text,
                "starts": result["starts"],
                "corners": [[round(value, 2) for value in one] for one in corners],
            }
        ]

    def add(self, index: int, sample: Sample, records: Sequence[Record]) -> int:
        """Score the places of a sample's captions; one without a prediction is left out."""
        captions = self.captions(sample)
        found = by_question([caption.text for caption in captions], records, "caption")
        for number, record in found.items():
            starts, corners = _places(record)
            self._score(index, sample, captions[number], starts, corners)
        return len(captions) - len(found)

    def _score(
        self,
        index: int,
        sample: Sample,
        caption: Caption,
        starts: Sequence[int],
        corners: NDArray[np.float64],
    ) -> None:
        height, width, _ = sample.image.shape
        words = [_word_at(caption, start) for start in starts]
        true = self.true_places(caption, starts, height, width).astype(np.float64)
        every = np.ones((1, len(starts)), np.int64)  # token counts; there is no padding
        places = corners.reshape(1, -1, 2, 2), true.reshape(1, -1, 2, 2)
        distance = point_l1(*places, every, (height, width))
        self.l1.append(distance)

        led = [
            (word, corners_box(corners[[own is word for own in words]]))
            for word in caption.words
            if any(own is word for own in words)
        ]
        spoken = [word.box for word in caption.words if max(word.box) > 0]
        if led and spoken:
            found_trace = _in_parts([box for _, box in led], width, height)
            true_trace = _in_parts(spoken, width, height)
            for window, values in self.matched.items():
                values.append(local_bipartite_matching(found_trace, true_trace, window))
        self.cases.append(_case(index, sample, caption, distance, led))

    def scores(self) -> Scores:
        """Mean distances, in parts of the image's sides."""
        return Scores(
            (
                Figure(
                    "point_l1",
                    mean(self.l1),
                    "distance of each token's corners from the nearest true one, mean over the "
                    "tokens of a caption and then over captions",
                ),
                *(
                    Figure(
                        f"lbm_{window}",
                        mean(values),
                        f"local bipartite matching of the words' boxes with a window of {window}",
                    )
                    for window, values in self.matched.items()
                ),
                Figure("captions", len(self.l1), "number of captions"),
            )
        )


class ReleaseTraceMeasure(TraceMeasure):
    """Places of the tokens of every spoken caption, where the release has them.

    Tokens are placed by their number and not by what they say (`training/token_places.py`).
    Captions whose words could not be matched with the utterances are asked about too; they have no
    part in the matching of words.
    """

    needs = "spoken captions with traces, as Localized Narratives has"

    def captions(self, sample: Sample) -> Sequence[SpokenCaption]:
        """The spoken ones."""
        return [one for one in sample.captions if isinstance(one, SpokenCaption)]

    def true_places(
        self, caption: Caption, starts: Sequence[int], height: int, width: int
    ) -> NDArray[np.floating]:
        """As the release's pipeline gives them."""
        assert isinstance(caption, SpokenCaption)
        return spoken_places(len(starts), caption.narrative, height, width)


def placed_captions(sample: Sample) -> list[Caption]:
    """The captions of a sample of which a word has a place."""
    return [one for one in sample.captions if any(max(word.box) > 0 for word in one.words)]


def _in_parts(boxes: Sequence[Box], width: int, height: int) -> NDArray[np.float64]:
    """Boxes in parts of the image, cut to it, [N, 4]."""
    parts: NDArray[np.float64] = np.array(boxes) / (width, height, width, height)
    return parts.clip(0, 1)


def _word_at(caption: Caption, start: int) -> WordPlace | None:
    return next((word for word in caption.words if word.start <= start < word.end), None)


def _places(record: Record) -> tuple[list[int], NDArray[np.float64]]:
    """Starts and corners of a prediction.

    Raises:
        ResultsError: they are missing, or not as many of each.
    """
    starts: Any = record.get("starts")
    corners: Any = record.get("corners")
    try:
        places = np.array(corners, np.float64).reshape(-1, 4)
    except (TypeError, ValueError) as error:
        raise ResultsError("a prediction of places has no corners [x, y, x, y]") from error
    if not isinstance(starts, list) or not starts or len(starts) != len(places):
        raise ResultsError("a prediction of places has not as many starts as corners")
    return [int(start) for start in starts], places


def _case(
    index: int, sample: Sample, caption: Caption, distance: float, led: list[tuple[WordPlace, Box]]
) -> Case:
    """The words that are furthest off."""

    def off(one: tuple[WordPlace, Box]) -> float:
        return float(np.abs(np.array(one[0].box) - np.array(one[1])).sum())

    worst = sorted((one for one in led if max(one[0].box) > 0), key=off, reverse=True)[:SHOWN]
    named = ", ".join(caption.text[word.start : word.end] for word, _ in worst)
    return Case(
        index,
        sample.id,
        -distance,
        caption.text,
        (f"point L1 {distance:.3f}", f"shown: {named}"),
        tuple(word.box for word, _ in worst),
        tuple(box for _, box in worst),
    )
