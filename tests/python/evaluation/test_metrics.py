"""Measures, against values worked out by hand."""

import pytest

from pixelllm.evaluation.metrics import Overlap, box_iou, mean, multiset_overlap, precision_at


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
