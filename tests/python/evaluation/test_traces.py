"""Distances of traces, against values worked out by hand."""

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from pixelllm.evaluation.traces import assign, local_bipartite_matching, point_l1


def corners(*boxes: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """One caption's places, [1, T, 2, 2]."""
    return np.array([boxes], np.float64).reshape(1, len(boxes), 2, 2)


def test_point_l1_is_in_parts_of_the_image() -> None:
    true = corners((10, 10, 50, 50))
    found = corners((20, 10, 50, 40))

    # (10 / 100 + 0) / 2 for one corner and (0 + 10 / 50) / 2 for the other.
    assert point_l1(found, true, np.array([[7]]), (50, 100)) == pytest.approx((0.05 + 0.1) / 2)


def test_point_l1_counts_from_the_nearest_true_corner() -> None:
    true = corners((10, 10, 50, 50))
    swapped = corners((50, 50, 10, 10))

    assert point_l1(swapped, true, np.array([[7]]), (50, 100)) == 0.0


def test_point_l1_leaves_out_padding_and_tokens_without_a_place() -> None:
    true = corners((10, 10, 20, 20), (0, 0, 0, 0), (10, 10, 20, 20))
    found = corners((10, 10, 20, 20), (90, 90, 99, 99), (90, 90, 99, 99))

    assert point_l1(found, true, np.array([[7, 7, 0]]), (100, 100)) == 0.0


def test_point_l1_takes_one_point_per_token() -> None:
    found = np.array([[[30.0, 10.0]]])  # [1, 1, 2]

    one = point_l1(found, corners((10, 10, 50, 50)), np.array([[7]]), (100, 100))

    assert one == pytest.approx(0.1)


def test_point_l1_of_no_token_is_zero() -> None:
    assert point_l1(corners((1, 1, 2, 2)), corners((0, 0, 0, 0)), np.array([[7]]), (9, 9)) == 0.0


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (3, 5), (5, 5)])
def test_assignment_is_the_cheapest(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    for _ in range(40):
        costs = rng.random(shape).round(1)  # with ties

        chosen = assign(costs)

        assert len(set(chosen.tolist())) == shape[0]
        rows = np.arange(shape[0])
        least = min(
            costs[rows, list(some)].sum() for some in permutations(range(shape[1]), len(rows))
        )
        assert costs[rows, chosen].sum() == pytest.approx(least)


def test_more_rows_than_columns_cannot_be_assigned() -> None:
    with pytest.raises(ValueError, match="3 rows cannot have 2 columns"):
        assign(np.zeros((3, 2)))


A, B, C = (0.0, 0.0, 0.2, 0.2), (0.4, 0.4, 0.6, 0.6), (0.8, 0.8, 1.0, 1.0)


def test_equal_traces_have_no_distance() -> None:
    assert local_bipartite_matching([A, B, C], [A, B, C]) == 0.0


def test_boxes_that_changed_places_are_matched_within_a_window_only() -> None:
    assert local_bipartite_matching([B, A, C], [A, B, C]) == pytest.approx(0.8 / 3)
    assert local_bipartite_matching([B, A, C], [A, B, C], window=1) == pytest.approx(0.0)
    # C, which is two away, is still out of reach.
    assert local_bipartite_matching([C, B, A], [A, B, C], window=1) > 0


def test_no_box_is_matched_twice() -> None:
    # Both would like the first; one has to take the other, 0.4 away.
    assert local_bipartite_matching([A, A], [A, B], window=1) == pytest.approx(0.2)


def test_boxes_of_the_longer_trace_may_stay_alone() -> None:
    assert local_bipartite_matching([A, C], [A, B, B, C]) == pytest.approx(0.0)
    assert local_bipartite_matching([A, B, B, C], [A, C]) == pytest.approx(0.0)


def test_long_traces_are_matched_in_parts() -> None:
    """Of 21 boxes the last is a part of its own, which weighs as much as the first twenty."""
    true = [A] * 21
    found = [*[A] * 20, B]

    assert local_bipartite_matching(found, true) == pytest.approx(0.4 / 2)


def test_an_empty_trace_cannot_be_matched() -> None:
    with pytest.raises(ValueError, match="empty trace"):
        local_bipartite_matching([], [A])
