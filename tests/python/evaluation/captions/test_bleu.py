"""BLEU, worked out by hand."""

import math

import pytest

from pixelllm.evaluation.captions.bleu import bleu_counts


def test_shares_of_phrases_that_a_reference_has() -> None:
    counts = bleu_counts("a red car here", ["a red bus here", "the car"])

    assert counts.phrases == (4, 3, 2, 1)
    assert counts.right == (4, 1, 0, 0)
    assert counts.scores[0] == pytest.approx(1.0)
    assert counts.scores[1] == pytest.approx(math.sqrt(1 / 3))


def test_a_repeated_word_counts_as_often_as_one_reference_has_it() -> None:
    assert bleu_counts("the the the", ["the cat the", "the"]).right[0] == 2


def test_of_equally_close_lengths_the_shorter_counts() -> None:
    assert bleu_counts("a b c", ["a b c d", "a b"]).wanted_length == 2


def test_short_candidates_are_penalised() -> None:
    assert bleu_counts("a b", ["a b c d"]).scores[0] == pytest.approx(math.exp(-1))


def test_of_many_together_the_counts_add_up() -> None:
    one, other = bleu_counts("a b", ["a b"]), bleu_counts("c d", ["x y"])

    assert (one + other).scores[0] == pytest.approx(0.5)


def test_an_empty_candidate_scores_nothing() -> None:
    assert bleu_counts("", ["a b"]).scores == pytest.approx((0.0, 0.0, 0.0, 0.0))
