"""Measures of `locate` and `segment`: the box and the mask that a phrase refers to."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from pixelllm.data.sample import Mask, Phrase, Sample
from pixelllm.evaluation.answering import box_of, score_of
from pixelllm.evaluation.measures.base import Case, Figure, Scores
from pixelllm.evaluation.metrics import box_iou, mean, precision_at
from pixelllm.evaluation.release_places import encode_release_mask
from pixelllm.evaluation.results import Record, ResultsError, bbox, by_question, corners, image_id
from pixelllm.evaluation.segmentation import (
    MaskOverlap,
    cumulative_iou,
    mask_box_ious,
    mask_overlap,
    release_mean_iou,
    release_precision,
)
from pixelllm.inference.runner import EncodeMask
from pixelllm.tasks.base import Request, Result, Task
from pixelllm.tasks.masks import decode_mask

THRESHOLDS: Final = (0.5, 0.7, 0.9)
NOWHERE: Final = (0.0, 0.0, 0.0, 0.0)  # of a phrase without a prediction


class LocateMeasure:
    """Boxes of phrases: every phrase of every image, however many it has."""

    task: str | Task = "locate"
    encode_mask: EncodeMask | None = None
    needs = "phrases with boxes, as RefCOCO has"

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.ious: list[float] = []

    def ask(self, sample: Sample) -> list[Request]:
        """Each phrase."""
        return [{"phrase": phrase.text} for phrase in sample.phrases]

    def records(self, sample: Sample, number: int, result: Result) -> list[Record]:
        """The box, in the form that the release writes."""
        return [
            {
                "image_id": image_id(sample.id),
                "index": number,
                "refexp": sample.phrases[number].text,
                "bbox": bbox(box_of(result)),
                "score": score_of(result),
            }
        ]

    def add(self, index: int, sample: Sample, records: Sequence[Record]) -> int:
        """Score the boxes of a sample's phrases."""
        found = by_question([phrase.text for phrase in sample.phrases], records, "refexp")
        for number, phrase in enumerate(sample.phrases):
            record = found.get(number)
            worth, lines = self._score(phrase, record)
            shown = () if record is None else (corners(record),)
            mask = None if record is None else record.get("segmentation")
            self.cases.append(
                Case(index, sample.id, worth, phrase.text, lines, (phrase.box,), shown, mask)
            )
        return len(sample.phrases) - len(found)

    def _score(self, phrase: Phrase, record: Record | None) -> tuple[float, tuple[str, ...]]:
        """What a prediction is worth, and what to say of it."""
        iou = float(box_iou(NOWHERE if record is None else corners(record), phrase.box))
        self.ious.append(iou)
        return iou, ("no prediction" if record is None else f"IoU {iou:.2f}",)

    def scores(self) -> Scores:
        """Precisions and the mean IoU."""
        strictly = "share of phrases whose box has an IoU of more than"
        return Scores(
            (
                *(
                    Figure(f"p{int(at * 100)}", precision_at(self.ious, at), f"{strictly} {at}")
                    for at in THRESHOLDS
                ),
                Figure("mean_iou", mean(self.ious), "mean IoU of the boxes"),
                Figure("phrases", len(self.ious), "number of phrases"),
            )
        )


class SegmentMeasure(LocateMeasure):
    """Masks of phrases, and their boxes; phrases without a true mask are not asked.

    Args:
        encode_mask: how masks are made of the decoder's map; None as they are served.
    """

    task: str | Task = "segment"
    needs = "phrases with masks, as RefCOCO has"

    def __init__(self, encode_mask: EncodeMask | None = None) -> None:
        super().__init__()
        self.encode_mask = encode_mask
        self.overlaps: list[MaskOverlap] = []
        self.mask_box_ious: list[float] = []

    def ask(self, sample: Sample) -> list[Request]:
        """Each phrase that has a mask."""
        return super().ask(_masked(sample))

    def records(self, sample: Sample, number: int, result: Result) -> list[Record]:
        """Box and mask, in the form that the release writes."""
        (record,) = super().records(_masked(sample), number, result)
        mask = result["mask"]
        assert isinstance(mask, Mapping)
        shape = {"size": list(mask["size"]), "counts": mask["counts"]}
        return [{**record, "segmentation": shape, "mask_score": result["mask_score"]}]

    def add(self, index: int, sample: Sample, records: Sequence[Record]) -> int:
        """Score boxes and masks of a sample's phrases."""
        return super().add(index, _masked(sample), records)

    def _score(self, phrase: Phrase, record: Record | None) -> tuple[float, tuple[str, ...]]:
        """As for boxes; the mask's IoU is what counts."""
        _, lines = super()._score(phrase, record)
        true = phrase.mask
        assert true is not None
        found = np.zeros_like(true) if record is None else _mask_of(record, true.shape)
        overlap = mask_overlap(found, true)
        self.overlaps.append(overlap)
        self.mask_box_ious += mask_box_ious([found], [phrase.box])
        return overlap.iou, (f"mask IoU {overlap.iou:.2f}", *lines)

    def scores(self) -> Scores:
        """The figures of masks, then those of boxes."""
        strictly = "an IoU of more than 0.5"
        masks = (
            Figure(
                "ciou",
                cumulative_iou(self.overlaps),
                "cIoU: pixels in common of all masks over all their unions",
            ),
            Figure(
                "giou",
                release_mean_iou(self.overlaps),
                "gIoU: mean of the masks' IoUs, with 1e-5 added to each union as in the release",
            ),
            Figure(
                "miou",
                mean([one.iou for one in self.overlaps]),
                "mIoU: mean of the masks' IoUs",
            ),
            Figure(
                "mask_p50",
                release_precision(self.overlaps),
                f"share of masks with {strictly}: the release's seg_AP",
            ),
            Figure(
                "mask_box_p50",
                precision_at(self.mask_box_ious),
                f"share of masks around which the box has {strictly} with the true box",
            ),
        )
        return Scores((*masks, *super().scores().figures))


def release_segment_measure() -> SegmentMeasure:
    """Masks cut to whole cells as in the release."""
    return SegmentMeasure(encode_release_mask)


def _masked(sample: Sample) -> Sample:
    """The sample with those of its phrases that have masks."""
    phrases = tuple(phrase for phrase in sample.phrases if phrase.mask is not None)
    return Sample(sample.image, phrases=phrases, id=sample.id)


def _mask_of(record: Record, shape: tuple[int, ...]) -> Mask:
    mask = record.get("segmentation")
    if not isinstance(mask, dict) or not isinstance(mask.get("counts"), str):
        raise ResultsError('a prediction has no segmentation {"size", "counts"}, counts as text')
    if tuple(mask["size"]) != shape:
        raise ResultsError(
            f"the mask of {record['image_id']} is {mask['size']}, its image {list(shape)}"
        )
    return decode_mask({"size": mask["size"], "counts": mask["counts"]})
