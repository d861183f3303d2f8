"""Measures, against values worked out by hand."""

import pytest

from pixelllm.evaluation.metrics import (
    Bin,
    Overlap,
    area_under_roc,
    average_precision,
    box_iou,
    calibration_error,
    mean,
    multiset_overlap,
    precision_at,
    reliability,
)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((0, 0, 10, 10), 1.0),
        ((5, 0, 15, 10), 1 / 3),
        ((0, 0, 10, 5), 0.5),
        ((10, 0, 20, 10), 0.0),
        ((30, 30, 40, 40), 0.0),
        ((10, 10, 0, 0), 0.0),
    ],
)
def test_iou_is_intersection_over_union(other: tuple[int, ...], expected: float) -> None:
    assert box_iou((0, 0, 10, 10), other) == pytest.approx(expected)


def test_iou_broadcasts_boxes_against_boxes() -> None:
    boxes = [(0, 0, 4, 4), (2, 0, 6, 4)]

    assert box_iou(boxes, (0, 0, 4, 4)) == pytest.approx([1.0, 1 / 3])


def test_iou_of_two_empty_boxes_is_zero() -> None:
    assert box_iou((3, 3, 3, 3), (3, 3, 3, 3)) == 0.0


def test_a_member_twice_in_both_multisets_is_common_twice() -> None:
    overlap = multiset_overlap(["a", "a", "a", "b"], ["a", "a", "c"])

    assert overlap == Overlap(common=2, predicted=4, true=3)
    assert overlap.precision == pytest.approx(0.5)
    assert overlap.recall == pytest.approx(2 / 3)
    assert overlap.f1 == pytest.approx(4 / 7)


def test_overlaps_add_up_to_counts_over_all() -> None:
    total = Overlap(1, 1, 1) + Overlap(0, 3, 4)

    assert total == Overlap(1, 4, 5)
    assert total.f1 == pytest.approx(2 / 9)


def test_nothing_said_about_nothing_is_perfect_and_about_something_worthless() -> None:
    assert multiset_overlap([], []).f1 == 1.0
    assert multiset_overlap([], ["a"]).f1 == 0.0


def test_an_iou_of_exactly_the_threshold_is_not_found() -> None:
    assert precision_at([0.5, 0.51, 0.2, 1.0]) == 0.5


def test_there_is_no_mean_of_nothing() -> None:
    assert mean([]) is None
    assert precision_at([]) is None


@pytest.mark.parametrize(
    ("right", "true", "expected"),
    [
        ([True, True, True], 3, 1.0),
        ([True, True, False], 2, 1.0),  # what comes behind the last hit costs nothing
        ([False, True], 1, 0.5),
        ([True, False, True], 2, 1 / 2 * 1 + 1 / 2 * 2 / 3),
        ([False, True, True], 2, 2 / 3),  # each precision is the best at a higher recall
        ([True], 4, 1 / 4),
        ([False, False], 3, 0.0),
    ],
)
def test_average_precision_is_the_area_under_the_curve(
    right: list[bool], true: int, expected: float
) -> None:
    scores = [1.0 - 0.1 * place for place in range(len(right))]

    assert average_precision(scores, right, true) == pytest.approx(expected)


def test_average_precision_ranks_by_score() -> None:
    shuffled = average_precision([0.2, 0.9, 0.5], [False, True, True], 2)

    assert shuffled == average_precision([0.9, 0.5, 0.2], [True, True, False], 2) == 1.0


def test_average_precision_of_nothing() -> None:
    assert average_precision([], [], 0) == 1.0
    assert average_precision([], [], 2) == 0.0
    assert average_precision([0.5], [False], 0) == 0.0


def test_the_area_under_roc_is_a_share_of_pairs() -> None:
    assert area_under_roc([0.9, 0.4], [0.5, 0.1]) == pytest.approx(3 / 4)
    assert area_under_roc([0.5], [0.5]) == 0.5
    assert area_under_roc([0.1], [0.9]) == 0.0
    assert area_under_roc([], [0.5]) is None
    assert area_under_roc([0.5], []) is None


def test_answers_are_binned_by_their_scores() -> None:
    bins = reliability([0.05, 0.02, 0.95, 1.0], [False, True, True, True], bins=10)

    assert [(one.count, one.right) for one in bins] == [(2, 0.5), (2, 1.0)]
    assert [one.score for one in bins] == pytest.approx([0.035, 0.975])


def test_the_calibration_error_weighs_bins_by_their_counts() -> None:
    bins = [Bin(3, 0.9, 0.5), Bin(1, 0.2, 0.2)]

    assert calibration_error(bins) == pytest.approx(3 / 4 * 0.4)
    assert calibration_error([]) is None


def test_scores_that_mean_what_they_say_are_calibrated() -> None:
    scores = [0.25] * 4 + [0.75] * 4
    right = [True, False, False, False, True, True, True, False]

    assert calibration_error(reliability(scores, right)) == pytest.approx(0.0)
