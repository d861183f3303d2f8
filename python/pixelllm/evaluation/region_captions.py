"""What a described region is compared with.

Visual Genome describes most objects several times. The release can let the regions that overlap
share their captions as references (google-research/scenic, projects/pixel_llm, evaluators.py,
LocaEvaluator, `merge_gt_boxes`).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from pixelllm.evaluation.dense_captioning import overlap_groups
from pixelllm.evaluation.metrics import box_iou

MERGE: Final = 0.7  # the release's; IoU


def pool_references(
    boxes: ArrayLike, captions: Sequence[str], least: float = MERGE, *, release_bugs: bool = False
) -> dict[int, tuple[str, ...]]:
    """The references of each region of one image: its own caption and those of its group.

    Groups are those of dense captioning (`overlap_groups`). A region that is in none, because its
    box is empty, is left out.

    Args:
        boxes: float[N, 4], (x, y, width, height).
        captions: N of them; line breaks are dropped.
        least: IoU from which regions are of one group.
        release_bugs: read the boxes as corners, as the release does by mistake. Most regions then
            have no area, and are left out of the evaluation.
    """
    regions = np.asarray(boxes, np.float32).reshape(-1, 4)
    if not release_bugs:
        regions = np.concatenate([regions[:, :2], regions[:, :2] + regions[:, 2:]], axis=1)
    if not len(regions):
        return {}
    groups = overlap_groups(box_iou(regions[:, None], regions[None]), least)
    return {
        number: tuple(captions[i].replace("\n", "") for i in group)
        for group in groups
        for number in group
    }
