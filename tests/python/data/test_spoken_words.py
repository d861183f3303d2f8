"""Words get the boxes of the utterances in which they were said."""

import numpy as np

from pixelllm.data.spoken_words import place_words

BOXES = np.array([(i, i, i + 2, i + 2) for i in range(6)], np.float64)


def placed(caption: str, *utterances: str) -> list[tuple[str, tuple[float, ...]]]:
    words = place_words(caption, utterances, BOXES[: len(utterances)])
    return [(caption[w.start : w.end], w.box) for w in words]


def test_a_word_has_the_box_of_its_utterance() -> None:
    assert placed("A dog, barks.", "A", "dog,", "barks.") == [
        ("A", (0, 0, 2, 2)),
        ("dog,", (1, 1, 3, 3)),
        ("barks.", (2, 2, 4, 4)),
    ]


def test_words_of_a_group_share_its_box() -> None:
    assert placed("In this image, a dog.", "In this", "image, a dog.") == [
        ("In", (0, 0, 2, 2)),
        ("this", (0, 0, 2, 2)),
        ("image,", (1, 1, 3, 3)),
        ("a", (1, 1, 3, 3)),
        ("dog.", (1, 1, 3, 3)),
    ]


def test_a_word_that_was_said_in_two_parts_has_the_box_around_them() -> None:
    assert placed("a T-shirt", "a", "t", "shirt") == [
        ("a", (0, 0, 2, 2)),
        ("T-shirt", (1, 1, 4, 4)),
    ]


def test_empty_utterances_say_nothing() -> None:
    assert placed("a dog", "", "a", " ", "dog") == [("a", (1, 1, 3, 3)), ("dog", (3, 3, 5, 5))]


def test_a_dash_is_where_the_word_before_it_is() -> None:
    assert placed("- a dog - here", "a", "dog", "here") == [
        ("-", (0, 0, 2, 2)),
        ("a", (0, 0, 2, 2)),
        ("dog", (1, 1, 3, 3)),
        ("-", (1, 1, 3, 3)),
        ("here", (2, 2, 4, 4)),
    ]


def test_other_words_have_no_places() -> None:
    assert placed("a dog", "a", "cat") == []
    assert placed("a dog", "a", "dog", "more") == []
    assert placed("a dog", "", "") == []
