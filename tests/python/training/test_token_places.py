"""Places of tokens: by their order in what was spoken, by their letters in what has words."""

from __future__ import annotations

import numpy as np
import pytest

from pixelllm.data.narrative import Narrative
from pixelllm.data.sample import WordPlace
from pixelllm.training.token_places import nearest_utterances, spoken_places, written_places

HEIGHT, WIDTH = 100, 200


def narrative(*words: str, trace: list[tuple[float, float, float]] | None = None) -> Narrative:
    """Words of a second each, while the pointer goes from the left to the right at half height."""
    points = trace or [(0.1 * t, 0.5, float(t)) for t in range(len(words) + 1)]
    return Narrative.from_json(
        {
            "caption": " ".join(words),
            "timed_caption": [
                {"utterance": word, "start_time": float(t), "end_time": t + 1.0}
                for t, word in enumerate(words)
            ],
            "traces": [[{"x": x, "y": y, "t": t} for x, y, t in points]],
        }
    )


def test_tokens_are_where_the_pointer_was_during_their_utterance() -> None:
    places = spoken_places(2, narrative("two", "cars"), HEIGHT, WIDTH)

    assert places.tolist() == [[0, 50, 20, 50], [20, 50, 40, 50]]


@pytest.mark.parametrize(
    ("tokens", "utterances", "expected"),
    [
        (6, 3, [0, 1, 1, 1, 2, 2]),  # the authors' numbers: 1/3 + k/6 * 2/3 against n/3
        (3, 1, [0, 0, 0]),
        (1, 4, [3]),
        (2, 4, [1, 3]),
        (2, 2, [0, 1]),  # 3/4 is as near to 1/2 as to 1: the first of the two
        (3, 3, [1, 1, 2]),  # the numbers of tokens are ahead at first
    ],
)
def test_tokens_go_with_the_utterance_as_far_on(
    tokens: int, utterances: int, expected: list[int]
) -> None:
    assert nearest_utterances(tokens, utterances).tolist() == expected


def test_silence_and_what_is_outside_have_no_token() -> None:
    points = [(0.1, 0.5, 0.0), (0.3, 0.5, 2.0), (-0.4, 0.5, 2.1), (-0.4, 0.5, 3.0)]
    spoken = narrative("car", "  ", "gone", trace=points)  # the pointer leaves it for the last

    places = spoken_places(2, spoken, HEIGHT, WIDTH)

    assert places.tolist() == [[20, 50, 40, 50], [20, 50, 40, 50]]


def test_places_are_whole_pixels_of_the_image() -> None:
    points = [(0.123, 0.456, 0.0), (1.4, 0.456, 1.0)]

    places = spoken_places(1, narrative("car", trace=points), HEIGHT, WIDTH)

    assert places.tolist() == [[25, 46, 200, 46]]


def test_trace_of_a_point_places_nothing() -> None:
    spoken = narrative("car", trace=[(0.5, 0.5, 0.0)])

    assert not spoken_places(2, spoken, HEIGHT, WIDTH).any()


def test_caption_without_tokens_has_no_place() -> None:
    assert spoken_places(0, narrative("car"), HEIGHT, WIDTH).shape == (0, 4)


def test_token_is_where_the_word_is_that_it_begins_in() -> None:
    words = [WordPlace(2, 5, (1, 2, 3, 4)), WordPlace(6, 9, (5, 6, 7, 8))]  # of "a red car"

    places = written_places([0, 2, 3, 6, 9], words)

    assert places.tolist() == [[0] * 4, [1, 2, 3, 4], [1, 2, 3, 4], [5, 6, 7, 8], [0] * 4]


def test_no_word_no_place() -> None:
    assert np.array_equal(written_places([0, 2], []), np.zeros((2, 4)))
