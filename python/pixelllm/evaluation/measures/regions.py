"""The measure of `dense_caption`: regions that are found and described."""

from collections.abc import Sequence
from typing import Final

from pixelllm.data.sample import Box, Sample
from pixelllm.evaluation.answering import regions_of
from pixelllm.evaluation.dense_captioning import (
    CaptionScore,
    DenseCaptioning,
    FoundRegion,
    Profile,
    TrueRegion,
)
from pixelllm.evaluation.measures.base import Case, Figure, Scores
from pixelllm.evaluation.metrics import mean
from pixelllm.evaluation.results import Record, ResultsError, bbox, corners, image_id, text_of
from pixelllm.inference.runner import EncodeMask
from pixelllm.tasks.base import Request, Result, Task

REGIONS: Final = 100  # of an image, at most: the release's `roi_post_nms`
SHOWN: Final = 10  # boxes in a picture


class DenseCaptionMeasure:
    """Regions of whole images, under a profile.

    Args:
        masks: whether a mask of each region is asked for; masks are kept, and not scored.
    """

    task: str | Task = "dense_caption"
    encode_mask: EncodeMask | None = None
    needs = "regions with captions, as Visual Genome has"

    def __init__(
        self, profile: Profile, meteor: CaptionScore | None, *, masks: bool = False
    ) -> None:
        self.cases: list[Case] = []
        self._profile = profile
        self._dense = DenseCaptioning(profile, meteor)
        self._masks = masks
        self._true = self._found = 0

    def ask(self, sample: Sample) -> list[Request]:
        """All regions, also those that the model is unsure of: average precision ranks them."""
        if not sample.regions:
            return []
        return [{"min_score": 0.0, "max_regions": REGIONS, "masks": self._masks}]

    def records(self, sample: Sample, number: int, result: Result) -> list[Record]:
        """The regions, in the form that the release writes."""
        return [
            {
                "image_id": image_id(sample.id),
                "category_id": 0,
                "bbox": bbox(region["box"]),
                "score": region["score"],
                "caption": region["caption"],
                **({"segmentation": region["mask"]} if "mask" in region else {}),
            }
            for region in regions_of(result)
        ]

    def add(self, index: int, sample: Sample, records: Sequence[Record]) -> int:
        """Score the regions of a sample. An image may have none: that is no missing answer."""
        if not sample.regions:
            return 0
        true = [TrueRegion(bbox(one.box), (one.caption,)) for one in sample.regions]
        found = [_region(record) for record in records]
        worth = self._dense.add(true, found)
        self._true += len(true)
        self._found += len(found)
        best = sorted(range(len(found)), key=lambda i: -found[i].score)[:SHOWN]
        self.cases.append(
            Case(
                index,
                sample.id,
                mean([worth[i] for i in best[: len(true)]]) or 0.0,
                "the regions of the image",
                tuple(f"{found[i].score:.2f} {found[i].caption}" for i in best),
                tuple(one.box for one in sample.regions[:SHOWN]),
                tuple(_corners(found[i]) for i in best),
            )
        )
        return 0

    def scores(self) -> Scores:
        """Average precisions.

        Raises:
            ValueError: no region was added.
        """
        precision = self._dense.precision()
        name = self._profile.name
        figures = [
            Figure("map", precision.map, f"mAP under the profile {name}"),
            Figure("detection_map", precision.detection_map, f"mAP of boxes alone, {name}"),
            *(
                Figure(f"detection_ap{round(iou * 100)}", value, f"AP of boxes at IoU {iou}")
                for iou, value in precision.detection.items()
            ),
            Figure("true_regions", self._true, "regions in the data, before merging"),
            Figure("found_regions", self._found, "regions that were found"),
        ]
        cells = precision.cells or {}
        details = {f"iou{iou}_meteor{least}": value for (iou, least), value in cells.items()}
        return Scores(tuple(figures), {"cells": details, "profile": name})


def _region(record: Record) -> FoundRegion:
    score = record.get("score")
    if not isinstance(score, int | float):
        raise ResultsError("a prediction has no score, by which average precision ranks it")
    corners(record)  # says what is wrong with a box
    return FoundRegion(record["bbox"], text_of(record), float(score))


def _corners(region: FoundRegion) -> Box:
    x, y, width, height = (float(value) for value in region.box)
    return x, y, x + width, y + height
