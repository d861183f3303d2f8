"""Average precision of dense captioning, against values worked out by hand."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from pixelllm.evaluation.dense_captioning import (
    PROFILES,
    DenseCaptioning,
    FoundRegion,
    TrueRegion,
    merge_regions,
)

CAT = TrueRegion((0, 0, 10, 10), ["a cat"])
DOG = TrueRegion((50, 50, 10, 10), ["a dog"])


def same(candidate: str, references: Sequence[str]) -> float:
    """Stands for METEOR: whether a reference is said word by word."""
    return 0.22 if candidate in references else 0.0


def measure(name: str, *found: FoundRegion, true: Sequence[TrueRegion] = (CAT, DOG)) -> float:
    dense = DenseCaptioning(PROFILES[name], same)
    dense.add(true, found)
    value = dense.precision().map
    assert value is not None
    return value


RIGHT = [FoundRegion(CAT.box, "a cat", 0.9), FoundRegion(DOG.box, "a dog", 0.8)]


@pytest.mark.parametrize("name", PROFILES)
def test_a_meteor_of_022_is_above_five_of_six_thresholds(name: str) -> None:
    assert measure(name, *RIGHT) == pytest.approx(5 / 6)


def test_recall_points_are_the_profiles() -> None:
    """With half of the regions found, precision 1 is read at recalls of 0 to 0.5: 51 of them."""
    (first, _) = RIGHT

    assert measure("scenic", first) == pytest.approx(5 / 6 * 51 / 100)
    assert measure("paper", first) == pytest.approx(5 / 6 * 51 / 101)
    # Lua adds 0.01 up; in floats the 101st sum is above 1, and not read.
    assert len(PROFILES["densecap-lua"].recalls) == 100
    assert measure("densecap-lua", first) == pytest.approx(5 / 6 * 0.51, abs=0.01)


def test_a_region_found_twice_is_right_once() -> None:
    again = FoundRegion(CAT.box, "a cat", 0.85)

    # Precisions 1, 1/2, 2/3 at recalls 1/2, 1/2, 1: 51 recalls at 1, 49 at 2/3.
    expected = 5 / 6 * (51 + 49 * 2 / 3) / 100
    assert measure("scenic", *RIGHT, again) == pytest.approx(expected)


def test_the_surest_takes_the_region_even_with_a_wrong_caption() -> None:
    """As in the original: a region has one chance, which goes to the box that has it first."""
    wrong = FoundRegion(CAT.box, "a car", 0.95)

    assert measure("scenic", wrong, RIGHT[0], true=[CAT]) == 0.0


def test_the_box_that_overlaps_most_is_compared_and_no_other() -> None:
    near = TrueRegion((0, 0, 10, 16), ["a large cat"])

    assert (
        measure("scenic", FoundRegion((0, 0, 10, 11), "a large cat", 0.9), true=[CAT, near]) == 0.0
    )


def test_overlap_counts_from_its_threshold_on() -> None:
    dense = DenseCaptioning(PROFILES["scenic"], None)
    dense.add([CAT], [FoundRegion((0, 0, 10, 5), "", 0.9)])  # IoU 0.5

    precision = dense.precision()

    assert precision.cells is None
    assert precision.map is None
    assert dict(precision.detection) == {0.3: 1.0, 0.4: 1.0, 0.5: 1.0, 0.6: 0.0, 0.7: 0.0}
    assert precision.detection_map == pytest.approx(0.6)


def test_a_missing_caption_is_matched_by_any_in_the_release_only() -> None:
    missing = [TrueRegion(CAT.box, [""])]
    found = FoundRegion(CAT.box, "a cat", 0.9)

    assert measure("scenic", found, true=missing) > 0
    assert measure("densecap-lua", found, true=missing) == 0.0


def test_regions_that_overlap_become_one_with_the_mean_box() -> None:
    other = TrueRegion((0, 0, 10, 12), ["a cat\non a mat"])

    merged = merge_regions([CAT, DOG, other], 0.7)

    assert [(list(map(float, one.box)), list(one.captions)) for one in merged] == [
        ([0.0, 0.0, 10.0, 11.0], ["a cat", "a caton a mat"]),
        ([50.0, 50.0, 10.0, 10.0], ["a dog"]),
    ]


def test_either_caption_of_a_merged_region_will_do() -> None:
    other = TrueRegion((0, 0, 10, 12), ["a pet"])

    for caption in ("a cat", "a pet"):
        found = FoundRegion((0, 0, 10, 11), caption, 0.9)
        assert measure("scenic", found, true=[CAT, other]) == pytest.approx(5 / 6)


def test_without_merging_every_region_is_to_be_found() -> None:
    other = TrueRegion((0, 0, 10, 12), ["a pet"])
    dense = DenseCaptioning(replace(PROFILES["scenic"], merge=None), same)
    dense.add([CAT, other], [FoundRegion(CAT.box, "a cat", 0.9)])

    assert dense.precision().map == pytest.approx(5 / 6 * 51 / 100)


def test_what_a_region_is_worth_comes_in_the_callers_order() -> None:
    dense = DenseCaptioning(PROFILES["scenic"], same)

    worth = dense.add([CAT, DOG], [FoundRegion(DOG.box, "a car", 0.1), RIGHT[0]])

    assert worth == [0.0, 0.22]


def test_images_without_regions_cost_what_is_found_there() -> None:
    dense = DenseCaptioning(PROFILES["scenic"], same)
    dense.add([], [FoundRegion(CAT.box, "a cat", 0.95)])
    dense.add([CAT], [RIGHT[0]])

    assert dense.precision().map == pytest.approx(5 / 6 * 0.5)


def test_nothing_found_is_worth_nothing_and_nothing_to_find_is_refused() -> None:
    assert measure("scenic") == 0.0
    with pytest.raises(ValueError, match="without true regions"):
        DenseCaptioning(PROFILES["scenic"], same).precision()


def test_profiles_differ_in_what_they_say_they_do() -> None:
    assert PROFILES["paper"].recalls[-1] == 1.0
    assert max(PROFILES["scenic"].recalls) == 0.99
    steps = np.array(PROFILES["densecap-lua"].recalls)
    assert np.abs(steps - np.arange(100) / 100).max() < 1e-12
