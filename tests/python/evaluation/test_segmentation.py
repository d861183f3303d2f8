"""Overlaps of masks, against values worked out by hand."""

import numpy as np
import pytest

from pixelllm.evaluation.segmentation import (
    MaskOverlap,
    box_of_mask,
    cumulative_iou,
    mask_box_ious,
    mask_iou,
    mask_overlap,
    release_mean_iou,
    release_precision,
)

LARGE, SMALL = MaskOverlap(common=80, union=100), MaskOverlap(common=1, union=10)


def test_masks_are_compared_pixel_by_pixel() -> None:
    mask, other = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    mask[:2], other[1:3] = True, True

    assert mask_overlap(mask, other) == MaskOverlap(common=4, union=12)
    assert mask_iou(mask, other) == pytest.approx(4 / 12)
    assert mask_iou(mask, mask) == 1.0
    assert mask_iou(~mask, mask) == 0.0


def test_two_empty_masks_do_not_overlap() -> None:
    empty = np.zeros((2, 2), bool)

    assert mask_iou(empty, empty) == 0.0


def test_ciou_weighs_large_objects_and_giou_does_not() -> None:
    assert cumulative_iou([LARGE, SMALL]) == pytest.approx(81 / 110, abs=1e-6)
    assert release_mean_iou([LARGE, SMALL]) == pytest.approx((0.8 + 0.1) / 2, abs=1e-6)


def test_precision_is_strict() -> None:
    half = MaskOverlap(common=1, union=2)

    assert release_precision([half, LARGE, SMALL]) == pytest.approx(1 / 3)


def test_nothing_has_no_overlap() -> None:
    assert cumulative_iou([]) is release_mean_iou([]) is release_precision([]) is None


def test_box_of_a_mask_goes_around_its_pixels() -> None:
    mask = np.zeros((6, 8), bool)
    mask[2, 3] = mask[4, 6] = True

    assert box_of_mask(mask) == (3.0, 2.0, 7.0, 5.0)
    assert box_of_mask(np.zeros((6, 8), bool)) == (0.0, 0.0, 0.0, 0.0)
    assert mask_box_ious([mask], [(3, 2, 7, 8)]) == pytest.approx([12 / 24])
