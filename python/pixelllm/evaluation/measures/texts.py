"""Measures of `caption` and `describe`: what is written about an image, or about a box in it."""

from collections.abc import Mapping, Sequence
from typing import Final

from pixelllm.data.sample import Box, Sample
from pixelllm.evaluation.answering import caption_of, score_of
from pixelllm.evaluation.measures.base import (
    CaptionScore,
    CaptionScores,
    Case,
    Figure,
    Scores,
)
from pixelllm.evaluation.metrics import multiset_overlap
from pixelllm.evaluation.region_captions import MERGE, pool_references
from pixelllm.evaluation.results import Record, bbox, by_question, image_id, text_of
from pixelllm.inference.runner import EncodeMask
from pixelllm.tasks.base import Request, Result, Task

MEANINGS: Final[Mapping[str, str]] = {
    "bleu_1": "BLEU of words",
    "bleu_2": "BLEU of words and pairs",
    "bleu_3": "BLEU of up to three words",
    "bleu_4": "BLEU of up to four words",
    "rouge_l": "ROUGE-L",
    "cider": "CIDEr-D, 0-10: papers report it times 100",
    "meteor": "METEOR 1.5",
}


class CaptionMeasure:
    """Captions of whole images against all that the data say about them.

    Args:
        scores: the figures of all captions together.
        meteor: what one caption is worth, by which the best and the worst are chosen; without it,
            the words that it has in common with a reference.
    """

    task: str | Task = "caption"
    encode_mask: EncodeMask | None = None
    needs = "captions, as COCO and Localized Narratives have"

    def __init__(self, scores: CaptionScores, meteor: CaptionScore | None) -> None:
        self._scores = scores
        self._worth = meteor or words_in_common
        self._worth_name = "METEOR" if meteor else "words in common"
        self.cases: list[Case] = []
        self.candidates: list[str] = []
        self.references: list[Sequence[str]] = []

    def ask(self, sample: Sample) -> list[Request]:
        """The whole image, once."""
        return [{}] if sample.captions else []

    def records(self, sample: Sample, number: int, result: Result) -> list[Record]:
        """A result of COCO's caption task, with its words' places."""
        return [
            {
                "image_id": image_id(sample.id),
                "caption": caption_of(result),
                "score": score_of(result),
                "words": result["words"],
            }
        ]

    def add(self, index: int, sample: Sample, records: Sequence[Record]) -> int:
        """Score the caption of a sample."""
        if not sample.captions:
            return 0
        caption = text_of(records[0]) if records else ""
        references = [one.text for one in sample.captions]
        self._keep(Case(index, sample.id, 0.0, "the whole image"), caption, references)
        return 0 if records else 1

    def _keep(self, case: Case, caption: str, references: Sequence[str]) -> None:
        worth = self._worth(caption, references)
        self.candidates.append(caption)
        self.references.append(references)
        lines = (f"written: {caption}", *(f"true: {one}" for one in references[:3]))
        lines = (f"{self._worth_name} {worth:.2f}", *lines)
        self.cases.append(
            Case(case.index, case.image, worth, case.title, lines, case.true, case.found)
        )

    def scores(self) -> Scores:
        """The measures of captions, over all of them together.

        Raises:
            ValueError: no caption was added.
        """
        if not self.candidates:
            raise ValueError("no caption was added")
        found = self._scores(self.candidates, self.references)
        figures = [Figure(name, value, MEANINGS.get(name, name)) for name, value in found.items()]
        count = Figure("captions", len(self.candidates), "number of captions")
        return Scores((*figures, count))


class DescribeMeasure(CaptionMeasure):
    """Captions of boxes. With `merge`, regions that overlap share their captions as references."""

    task: str | Task = "describe"
    needs = "regions with captions, as Visual Genome has"

    def __init__(
        self, scores: CaptionScores, meteor: CaptionScore | None, *, merge: bool = False
    ) -> None:
        super().__init__(scores, meteor)
        self._merge = merge

    def ask(self, sample: Sample) -> list[Request]:
        """Each region, by its box."""
        return [{"location": {"type": "box", "box": list(box)}} for box in boxes_of(sample)]

    def records(self, sample: Sample, number: int, result: Result) -> list[Record]:
        """The caption with the box that was asked about, in the form that the release writes."""
        return [
            {
                "image_id": image_id(sample.id),
                "index": number,
                "bbox": bbox(sample.regions[number].box),
                "caption": caption_of(result),
                "score": score_of(result),
            }
        ]

    def add(self, index: int, sample: Sample, records: Sequence[Record]) -> int:
        """Score the captions of a sample's regions."""
        regions = sample.regions
        found = by_question([str(bbox(one.box)) for one in regions], _named(records), "box")
        references = self._references(sample)
        for number, own in references.items():
            caption = text_of(found[number]) if number in found else ""
            case = Case(index, sample.id, 0.0, "the region in the box", true=(regions[number].box,))
            self._keep(case, caption, own)
        return len(references) - len(references.keys() & found.keys())

    def _references(self, sample: Sample) -> Mapping[int, Sequence[str]]:
        captions = [one.caption for one in sample.regions]
        if not self._merge:
            return {number: (caption,) for number, caption in enumerate(captions)}
        return pool_references([bbox(one.box) for one in sample.regions], captions, MERGE)


def words_in_common(caption: str, references: Sequence[str]) -> float:
    """F1 of the words of a caption and of the reference that is best for it."""
    words = caption.lower().split()
    return max(multiset_overlap(words, one.lower().split()).f1 for one in references)


def boxes_of(sample: Sample) -> list[Box]:
    """The boxes of a sample's regions, cut to the image: data at times go a little beyond."""
    height, width, _ = sample.image.shape
    return [
        (max(0.0, x0), max(0.0, y0), min(float(width), x1), min(float(height), y1))
        for x0, y0, x1, y1 in (region.box for region in sample.regions)
    ]


def _named(records: Sequence[Record]) -> list[Record]:
    """Predictions under the text of their box, for those that have no index."""
    return [{**record, "box": str(record.get("bbox"))} for record in records]
