"""CIDEr, where it can be worked out by hand."""

import pytest

from pixelllm.evaluation.captions.cider import cider_scores


def test_equal_captions_of_four_words_and_more_have_the_most() -> None:
    captions = ["a red car here", "two white cats sleep"]

    assert cider_scores(captions, [[caption] for caption in captions]) == pytest.approx([10, 10])


def test_words_of_every_image_count_nothing() -> None:
    found = cider_scores(["the", "the cat"], [["the dog"], ["the cat"]])

    assert found[0] == 0.0
    assert found[1] == pytest.approx(10 * 2 / 4)  # of one and two words; longer ones there are none


def test_a_reference_without_anything_in_common_halves_the_score() -> None:
    captions = ["a red car here", "two white cats sleep"]

    found = cider_scores(captions, [[captions[0], "p q r s"], [captions[1]]])

    assert found == pytest.approx([5, 10])


def test_a_single_image_has_no_rare_words() -> None:
    assert cider_scores(["a red car"], [["a red car"]]) == [0.0]
