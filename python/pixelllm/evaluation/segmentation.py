"""Masks of referring segmentation against the true ones.

Three numbers of the literature are averages of overlaps, and differ:

- cIoU: the pixels in common of all expressions together over the pixels of their unions. Large
  objects weigh most. PixelLLM, LISA and GLaMM report it.
- gIoU: the mean of each expression's IoU, with 1e-5 added to the union. It is the release's name
  and LISA's; it has nothing to do with the generalised IoU of boxes. LISA counts 1 where both masks
  are empty, the release 0; no mask of RefCOCO is empty.
- mIoU: the mean of each expression's IoU as it is. PaliGemma and Florence report it.

The release's formulas are of google-research/scenic, projects/pixel_llm, evaluators.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pixelllm.evaluation.metrics import box_iou, mean, precision_at

EPSILON: Final = 1e-5  # the release's, in every union

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class MaskOverlap:
    """Two masks of one image: pixels in common, and pixels in either."""

    common: int
    union: int

    @property
    def iou(self) -> float:
        """Intersection over union; 0 where both masks are empty."""
        return self.common / self.union if self.union else 0.0

    @property
    def release_iou(self) -> float:
        """The same with the release's epsilon."""
        return self.common / (self.union + EPSILON)


def mask_overlap(mask: Mask, other: Mask) -> MaskOverlap:
    """Compares two masks, bool[H, W]."""
    return MaskOverlap(int((mask & other).sum()), int((mask | other).sum()))


def mask_iou(mask: Mask, other: Mask) -> float:
    """Intersection over union of two bool[H, W] masks; 0 where both are empty."""
    return mask_overlap(mask, other).iou


def cumulative_iou(overlaps: Sequence[MaskOverlap]) -> float | None:
    """cIoU, as the release computes it; None of nothing."""
    if not overlaps:
        return None
    common = np.array([one.common for one in overlaps])
    union = np.array([one.union for one in overlaps])
    return float(common.mean() / (union.mean() + EPSILON))


def release_mean_iou(overlaps: Sequence[MaskOverlap]) -> float | None:
    """gIoU, as the release computes it; None of nothing."""
    return mean([one.release_iou for one in overlaps])


def release_precision(overlaps: Sequence[MaskOverlap], threshold: float = 0.5) -> float | None:
    """Share of masks whose IoU is strictly above the threshold: the release's `seg_AP`."""
    return precision_at([one.release_iou for one in overlaps], threshold)


def box_of_mask(mask: Mask) -> tuple[float, float, float, float]:
    """The box around the pixels of bool[H, W], max edges exclusive; all 0 without a pixel."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return 0.0, 0.0, 0.0, 0.0
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def mask_box_ious(masks: Sequence[Mask], boxes: Sequence[Sequence[float]]) -> list[float]:
    """IoU of the box around each mask with the true box of its object."""
    around = np.array([box_of_mask(mask) for mask in masks]).reshape(-1, 4)
    ious: list[float] = box_iou(around, np.array(boxes, np.float64).reshape(-1, 4)).tolist()
    return ious
