"""The measures against what the release's evaluators computed, to the last bit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from pixelllm.data.sample import Box
from pixelllm.evaluation.dense_captioning import (
    PROFILES,
    DenseCaptioning,
    DensePrecision,
    FoundRegion,
    TrueRegion,
    merge_regions,
)
from pixelllm.evaluation.metrics import box_iou, precision_at
from pixelllm.evaluation.region_captions import pool_references
from pixelllm.evaluation.release_places import release_boxes, release_mask
from pixelllm.evaluation.segmentation import (
    cumulative_iou,
    mask_box_ious,
    mask_overlap,
    release_mean_iou,
    release_precision,
)
from pixelllm.evaluation.traces import point_l1
from pixelllm.tasks.masks import decode_mask
from tests.python.goldens import Golden

Number = float | None


@pytest.fixture(scope="module")
def golden() -> Golden:
    return Golden("evaluators")


def check(golden: Golden, key: str, actual: Number | list[float]) -> None:
    golden.check(key, torch.tensor(actual, dtype=torch.float64), exact=True)


def test_golden_point_l1(golden: Golden) -> None:
    images = []
    for number in range(4):
        found, true, tokens, size = (
            golden.arrays[f"point/in/{number}/{name}"] for name in ("pred", "gt", "toks", "size")
        )
        images.append(point_l1(found, true, tokens, (float(size[0]), float(size[1]))))

    check(golden, "point/out/per_image", images)
    check(golden, "point/out/point_l1", float(np.mean(images)))


def test_golden_referring(golden: Golden) -> None:
    size, padded, original = (
        (int(height), int(width))
        for height, width in (
            golden.arrays[f"ref/in/{name}"] for name in ("size", "padded_size", "orig_size")
        )
    )
    asked = golden.arrays["ref/in/refexp_ids"].tolist()
    annotations = golden.json("ref/in/annotations_json")["annotations"]
    of_phrase = {number: one for one in annotations for number in one["refexp_id"]}
    true = [of_phrase[number] for number in asked if number]  # 0 fills up to a fixed number
    masks = golden.arrays["ref/in/low_res_masks"][: len(true)]

    boxes = release_boxes(golden["ref/in/pred_boxes_xyxy_resized"].numpy(), size, original)
    boxes = boxes[: len(true)]
    found = [release_mask(logits, size, padded, original) for logits in masks]
    true_boxes = [corners(one["bbox"]) for one in true]
    overlaps = [
        mask_overlap(mask, decode_mask(one["segmentation"]))
        for mask, one in zip(found, true, strict=True)
    ]

    golden.check("ref/out/pred_boxes_xywh_orig", torch.from_numpy(boxes), exact=True)
    ious = [float(box_iou(corners(a), b)) for a, b in zip(boxes.tolist(), true_boxes, strict=True)]
    check(golden, "ref/out/box_Precision@1", precision_at(ious))
    mask_ious = mask_box_ious(found, true_boxes)
    check(golden, "ref/out/seg_box_Precision@1", precision_at(mask_ious))
    check(golden, "ref/out/seg_cIoU", cumulative_iou(overlaps))
    check(golden, "ref/out/seg_gIoU", release_mean_iou(overlaps))
    check(golden, "ref/out/seg_AP", release_precision(overlaps))


def corners(box: Sequence[float]) -> Box:
    x, y, width, height = box
    return x, y, x + width, y + height


def jaccard(candidate: str, references: Sequence[str]) -> float:
    """What stands for METEOR in the golden: the share of words in common."""
    words = set(candidate.split())
    return max(
        (
            len(words & set(one.split())) / max(len(words | set(one.split())), 1)
            for one in references
        ),
        default=0.0,
    )


def test_golden_dense_captioning(golden: Golden) -> None:
    precision = dense_precision(golden, DenseCaptioning(PROFILES["scenic"], jaccard))

    golden.check_json("densecap/out/fakemeteor", as_the_release(precision))


def test_golden_dense_captioning_without_meteor(golden: Golden) -> None:
    precision = dense_precision(golden, DenseCaptioning(PROFILES["scenic"], meteor=None))

    golden.check_json("densecap/out/nometeor", as_the_release(precision))


@pytest.mark.parametrize("run", ["fakemeteor", "nometeor"])
def test_golden_merged_regions(golden: Golden, run: str) -> None:
    merged = {
        image: [
            {"bbox": list(map(float, one.box)), "captions": list(one.captions)}
            for one in merge_regions([true for _, true in regions], 0.7)
        ]
        for image, regions in true_regions(golden).items()
    }

    golden.check_json(f"densecap/out/{run}_merged_gt", merged)


def test_golden_references_of_the_release_vanish_with_its_mistake(golden: Golden) -> None:
    """The file has no input for it; as corners none of its regions has an area."""
    regions = [one for image in true_regions(golden).values() for one, _ in image]
    boxes, captions = [one["bbox"] for one in regions], [one["caption"] for one in regions]

    merged = pool_references(boxes, captions, release_bugs=True)

    golden.check_json("loca/out/merged", list(merged))
    assert len(pool_references(boxes, captions)) == len(regions)


def true_regions(golden: Golden) -> dict[str, list[tuple[dict[str, Any], TrueRegion]]]:
    data = golden.json("densecap/in/gt_json")
    return {
        str(image["id"]): [
            (one, TrueRegion(one["bbox"], [one["caption"]]))
            for one in data["annotations"]
            if one["image_id"] == image["id"]
        ]
        for image in data["images"]
    }


def dense_precision(golden: Golden, measure: DenseCaptioning) -> DensePrecision:
    found = golden.json("densecap/in/pred_json")
    for image, regions in true_regions(golden).items():
        own = [one for one in found if str(one["image_id"]) == image]
        measure.add(
            [true for _, true in regions],
            [FoundRegion(one["bbox"], one["caption"], one["score"]) for one in own],
        )
    return measure.precision()


def as_the_release(precision: DensePrecision) -> dict[str, float | None]:
    """The figures under the release's names."""
    cells = {
        f"mAP_iou{iou:.1f}_meteor{meteor:.2f}": value
        for (iou, meteor), value in (precision.cells or {}).items()
    }
    return {
        **cells,
        **({} if precision.cells is None else {"mAP": precision.map}),
        "mAP_detection": precision.detection_map,
        **{f"mAP_detection_iou{iou:.1f}": value for iou, value in precision.detection.items()},
    }
