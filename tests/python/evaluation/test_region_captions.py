"""Which captions a described region is compared with."""

from pixelllm.evaluation.region_captions import pool_references

BOXES = [(0, 0, 10, 10), (50, 50, 10, 10), (0, 0, 10, 12)]
CAPTIONS = ["a cat", "a dog", "a pet\non a mat"]


def test_regions_that_overlap_share_their_captions() -> None:
    shared = ("a cat", "a peton a mat")

    assert pool_references(BOXES, CAPTIONS) == {0: shared, 2: shared, 1: ("a dog",)}


def test_overlap_counts_from_the_threshold_on() -> None:
    assert pool_references(BOXES, CAPTIONS, least=0.9) == {
        0: ("a cat",),
        1: ("a dog",),
        2: ("a peton a mat",),
    }


def test_read_as_corners_regions_without_area_are_left_out() -> None:
    """(50, 50, 10, 10) are no corners of a box; (0, 0, 10, 10) are."""
    assert set(pool_references(BOXES, CAPTIONS, release_bugs=True)) == {0, 2}


def test_no_region_has_no_references() -> None:
    assert pool_references([], []) == {}
