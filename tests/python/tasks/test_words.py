"""From tokens with places to words with places."""

import math

import numpy as np
import pytest

from pixelllm.model.tokenizer import DecodedText
from pixelllm.tasks.base import Text
from pixelllm.tasks.frame import Frame
from pixelllm.tasks.words import mean_probability, place_words, word_spans
from tests.python.tasks.language import model_facts

FRAME = Frame(200, 100, 0.5, 0.5)


def text_of(sentence: str, finished: bool = True) -> Text:
    """A text whose token i has the place [i, i, i + 1, i + 1] and the probability 1 / (i + 1)."""
    tokens = model_facts().tokenizer.encode(sentence)
    count = len(tokens) if finished else len(tokens) - 1
    corners = np.arange(count, dtype=np.float32)[:, None, None] + np.array([[0, 0], [1, 1]])
    log_probs = [-math.log(i + 1) for i in range(len(tokens))]
    return Text(tokens, log_probs, corners.astype(np.float32), finished)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a red square.", ["a", "red", "square"]),
        ("(a) 'red', t-shirt!", ["a", "red", "t-shirt"]),
        ("one  two", ["one", "two"]),
        ("it's 50% off ... $5", ["it's", "50", "off", "$5"]),
        ("¿qué? «où» 猫。", ["qué", "où", "猫"]),
        ("...", []),
        ("", []),
        (" ", []),
    ],
)
def test_words_are_runs_of_characters_without_punctuation(text: str, words: list[str]) -> None:
    assert [text[a:b] for a, b in word_spans(text, finished=True)] == words


@pytest.mark.parametrize(
    ("text", "words"), [("a re", ["a"]), ("a red ", ["a", "red"]), ("a", []), ("red.", [])]
)
def test_word_that_may_still_grow_is_left_out(text: str, words: list[str]) -> None:
    assert [text[a:b] for a, b in word_spans(text, finished=False)] == words


def test_offsets_index_the_caption() -> None:
    text = text_of("a building is on the lake.")
    caption = model_facts().tokenizer.decode(text.tokens).text

    words = place_words(text, model_facts().tokenizer, FRAME)

    assert [word["text"] for word in words] == ["a", "building", "is", "on", "the", "lake"]
    assert all(caption[word["start"] : word["end"]] == word["text"] for word in words)


def test_word_of_several_tokens_has_the_box_around_them_and_their_mean_probability() -> None:
    tokenizer = model_facts().tokenizer
    text = text_of("the building")
    first, last = 1, len(text.tokens) - 1
    assert last > first, "the word must be several tokens for this test to say anything"

    word = place_words(text, tokenizer, FRAME)[1]

    assert word["box"] == [first * 2, first * 2, (last + 1) * 2, (last + 1) * 2]
    assert word["point"] == [first + last + 1, first + last + 1]
    probabilities = [1 / (i + 1) for i in range(first, last + 1)]
    expected = math.prod(probabilities) ** (1 / len(probabilities))
    assert word["score"] == pytest.approx(expected, abs=1e-4)


def test_token_of_punctuation_does_not_widen_the_word() -> None:
    tokenizer = model_facts().tokenizer
    text = text_of("the.")
    assert len(text.tokens) == 2

    (word,) = place_words(text, tokenizer, FRAME)

    assert word["box"] == [0, 0, 2, 2]


def test_place_is_clipped_to_the_image() -> None:
    text = text_of("the")
    beyond = Text(text.tokens, text.log_probs, text.corners * 1000 - 300, finished=True)

    (word,) = place_words(beyond, model_facts().tokenizer, FRAME)

    assert word["box"] == [0, 0, 200, 100]
    assert word["point"] == [100, 50]


def test_words_of_a_growing_text_are_the_words_of_the_finished_one() -> None:
    tokenizer = model_facts().tokenizer
    whole = text_of("a building is on the lake, the clock is a blue one.")
    final = place_words(whole, tokenizer, FRAME)

    seen = 0
    for count in range(1, len(whole.tokens) + 1):
        part = Text(
            whole.tokens[:count], whole.log_probs[:count], whole.corners[: count - 1], False
        )
        words = place_words(part, tokenizer, FRAME)
        assert words == final[: len(words)]
        assert len(words) >= seen
        seen = len(words)
    assert seen == len(final) - 1


def test_word_waits_for_the_place_of_a_token_that_reaches_into_the_next_word() -> None:
    class Wide:
        def decode(self, tokens: object) -> DecodedText:
            return DecodedText("one of the two", [(0, 3), (4, 12), (12, 14)])

    corners = np.zeros((1, 2, 2), np.float32)
    text = Text([5, 6, 7], [0.0, 0.0, 0.0], corners, finished=False)

    words = place_words(text, Wide(), FRAME)  # type: ignore[arg-type]

    assert [word["text"] for word in words] == ["one"]


def test_mean_probability_is_geometric() -> None:
    assert mean_probability([math.log(0.5), math.log(0.125)]) == pytest.approx(0.25)
    assert mean_probability([]) == 0
    assert mean_probability([0.0]) == 1
