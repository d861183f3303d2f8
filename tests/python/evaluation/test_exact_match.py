"""Exact matches of short captions, scored as METEOR scores, worked out by hand."""

import pytest

from pixelllm.evaluation.captions.meteor import ALPHA, BETA, DELTA, GAMMA
from pixelllm.evaluation.exact_match import exact_match_score

CAPTION = "a small striped red car"


def test_equal_captions_are_perfect() -> None:
    assert exact_match_score(CAPTION, CAPTION) == 1.0


def test_captions_without_a_common_word_are_worthless() -> None:
    assert exact_match_score("two blue cats", CAPTION) == 0.0
    assert exact_match_score("", CAPTION) == 0.0
    assert exact_match_score(CAPTION, "") == 0.0


def test_a_wrong_word_costs_precision_recall_and_order() -> None:
    # Four of five words, in two stretches; "a" weighs a third of what each of the others does.
    right = (1 - DELTA) + 3 * DELTA
    share = right / (right + DELTA)

    found = exact_match_score("a small striped blue car", CAPTION)

    assert found == pytest.approx(share * (1 - GAMMA * (2 / 4) ** BETA))


def test_a_missing_word_costs_recall() -> None:
    whole = (1 - DELTA) + 4 * DELTA
    precision, recall = 1.0, ((1 - DELTA) + DELTA) / whole
    mean = precision * recall / (ALPHA * precision + (1 - ALPHA) * recall)

    found = exact_match_score("a small", CAPTION)

    assert found == pytest.approx(mean * (1 - GAMMA * (1 / 2) ** BETA))


def test_recall_counts_more_than_precision() -> None:
    short, long = "a red car", "a large dotted red car"

    assert exact_match_score(long, short) > exact_match_score(short, long)


def test_scattered_words_are_worth_less_than_ordered_ones() -> None:
    # All words match; backwards each is a stretch of its own, the whole penalty is due.
    assert exact_match_score("car red striped small a", CAPTION) == pytest.approx(1 - GAMMA)
    turned = exact_match_score("red car a small striped", CAPTION)
    assert turned == pytest.approx(1 - GAMMA * (2 / 5) ** BETA)


def test_content_weighs_more_than_function_words() -> None:
    of_content = exact_match_score("the red car", "a red car")
    of_function = exact_match_score("a blue car", "a red car")

    assert of_content > of_function


def test_a_word_that_is_repeated_matches_as_often_as_it_is_wanted() -> None:
    assert exact_match_score("red red red", "red") < exact_match_score("red", "red")
    assert exact_match_score("red red", "red red") == 1.0
