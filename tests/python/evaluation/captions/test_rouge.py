"""ROUGE-L, worked out by hand."""

import pytest

from pixelllm.evaluation.captions.rouge import BETA, rouge_l


def test_equal_captions_are_perfect() -> None:
    assert rouge_l("a red car", ["a red car"]) == pytest.approx(1.0)


def test_words_in_order_count_with_gaps() -> None:
    precision, recall = 2 / 3, 2 / 4

    found = rouge_l("a car here", ["a large red car"])

    expected = (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)
    assert found == pytest.approx(expected)


def test_precision_and_recall_may_be_of_different_references() -> None:
    assert rouge_l("a b", ["a b c d e f", "b"]) == pytest.approx(1.0)


def test_nothing_in_common_scores_nothing() -> None:
    assert rouge_l("a b", ["c d"]) == 0.0
    assert rouge_l("", ["c d"]) == 0.0
