"""Masks in COCO's three forms are the masks that pycocotools makes of them."""

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools import mask as coco

from pixelllm.data.coco_masks import decode_segmentation, encode_runs
from pixelllm.data.errors import DatasetError


def of_pycocotools(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:
    """As the authors' tools decode it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        if isinstance(segmentation, list):
            runs = coco.merge(coco.frPyObjects(segmentation, height, width))
        elif isinstance(segmentation["counts"], list):
            runs = coco.frPyObjects(segmentation, height, width)
        else:
            runs = segmentation
        decoded: NDArray[np.uint8] = coco.decode(runs)
    return decoded.astype(np.bool_)


def some_mask(seed: int, height: int = 23, width: int = 31) -> NDArray[np.bool_]:
    rng = np.random.default_rng(seed)
    mask: NDArray[np.bool_] = rng.random((height, width)) < rng.random()
    return mask


@pytest.mark.parametrize("seed", range(8))
def test_run_lengths_as_numbers_and_as_text_are_decoded(seed: int) -> None:
    mask = some_mask(seed)
    numbers = encode_runs(mask)
    text = coco.encode(np.asfortranarray(mask.astype(np.uint8)))

    assert np.array_equal(decode_segmentation(numbers, 23, 31, "here"), mask)
    assert np.array_equal(of_pycocotools(numbers, 23, 31), mask)
    assert np.array_equal(decode_segmentation(text, 23, 31, "here"), mask)
    text["counts"] = text["counts"].decode("ascii")
    assert np.array_equal(decode_segmentation(text, 23, 31, "here"), mask)


@pytest.mark.parametrize("value", [False, True])
def test_empty_and_full_masks_are_encoded(value: bool) -> None:
    mask = np.full((3, 4), value)

    encoded = encode_runs(mask)

    assert np.array_equal(of_pycocotools(encoded, 3, 4), mask)
    assert np.array_equal(decode_segmentation(encoded, 3, 4, "here"), mask)


@pytest.mark.parametrize(
    "polygons",
    [
        [[3.5, 2.5, 20.1, 4.0, 12.0, 19.9]],
        [[0, 0, 10, 0, 10, 10, 0, 10], [8, 8, 25, 8, 25, 20, 8, 20]],  # two that overlap
        [[-5, -5, 40, -5, 40, 30]],  # leaves the image
    ],
)
def test_polygons_are_drawn_as_pycocotools_draws_them(polygons: list[list[float]]) -> None:
    mask = decode_segmentation(polygons, 23, 31, "here")

    assert mask.any()
    assert np.array_equal(mask, of_pycocotools(polygons, 23, 31))


def test_a_polygon_of_two_points_has_no_pixels() -> None:
    assert not decode_segmentation([[1, 1, 5, 5]], 23, 31, "here").any()
    assert not decode_segmentation([], 23, 31, "here").any()


@pytest.mark.parametrize(
    ("segmentation", "what"),
    [
        ("text", "a list of polygons, or has size and counts"),
        ({"size": [23, 31]}, "a list of polygons, or has size and counts"),
        ({"size": [31, 23], "counts": [713]}, r"size is \[31, 23\]"),
        ({"size": [23, 31], "counts": [700, 14]}, "sum to 714, the image has 713"),
        ({"size": [23, 31], "counts": [714, -1]}, "none below 0"),
        ({"size": [23, 31], "counts": [1.5]}, "whole numbers"),
        ({"size": [23, 31], "counts": 7}, "whole numbers"),
        ({"size": [23, 31], "counts": "\x7f"}, "no run lengths"),
        ({"size": [23, 31], "counts": "o" * 50}, "no run lengths"),
        ({"size": [23, 31], "counts": "P"}, "no run lengths"),
        ([[1, 2, 3, 4, 5]], "x and y for each point"),
        ([["a", 2, 3, 4, 5, 6]], "list of numbers"),
        ([[1, 2, 3, 4, 5, float("nan")]], "list of numbers"),
        ([[1, 2, 3, 4, 5, 1e9]], "far outside"),
        ([{"size": 1}], "list of numbers"),
    ],
)
def test_damage_is_an_error_that_names_the_place(segmentation: Any, what: str) -> None:
    with pytest.raises(DatasetError, match=f"here: .*{what}"):
        decode_segmentation(segmentation, 23, 31, "here")
