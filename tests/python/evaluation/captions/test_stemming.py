"""Stems, as the definition of Snowball's English stemmer gives them."""

import pytest

from pixelllm.evaluation.captions.stemming import stem


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("consigned", "consign"),
        ("consistency", "consist"),
        ("consolation", "consol"),
        ("knightly", "knight"),
        ("knots", "knot"),
        ("kneaded", "knead"),
        ("running", "run"),
        ("hoping", "hope"),
        ("skies", "sky"),
        ("ties", "tie"),
        ("cries", "cri"),
        ("gas", "gas"),
        ("gaps", "gap"),
        ("generously", "generous"),
        ("communication", "communic"),
        ("youth", "youth"),
        ("dog's", "dog"),
        ("succeed", "succeed"),
        ("is", "is"),
        ("controlling", "control"),
        ("rationalization", "ration"),
    ],
)
def test_a_word_has_its_published_stem(word: str, expected: str) -> None:
    assert stem(word) == expected
