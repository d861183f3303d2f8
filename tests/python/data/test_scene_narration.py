"""Captions: three phrasings that tell exactly what is there, and a pointer that shows it."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from pixelllm.data.sample import Box
from pixelllm.data.scene_narration import (
    ODDS,
    PHRASINGS,
    WHOLE,
    Phrasing,
    SpokenWord,
    Told,
    Words,
    article,
    script,
    setting_first,
    side_by_side,
    speak,
    things_first,
)
from pixelllm.data.scene_vocabulary import COLOURS, SETTINGS
from pixelllm.data.scene_words import SIDES
from pixelllm.data.things import KINDS
from tests.python.data.reading import caption_things

THINGS = (
    Told("car", "red", (0.0, 0.5, 0.2, 0.7)),
    Told("bird", "white", (0.1, 0.1, 0.2, 0.2)),
    Told("tree", "orange", (0.4, 0.2, 0.6, 0.8)),
    Told("bird", "white", (0.7, 0.0, 0.8, 0.1)),
    Told("bird", "blue", (0.8, 0.2, 1.0, 0.3)),
)


def _text(words: Words) -> str:
    return " ".join(word.text for word in words)


def _bare(word: SpokenWord) -> str:
    return word.text.rstrip(",")


def _random_things(rng: np.random.Generator) -> list[Told]:
    """From left to right, many of them alike."""
    corners = rng.uniform(0.0, 0.8, (int(rng.integers(1, 9)), 2))
    corners = corners[np.argsort(corners[:, 0])]
    kinds, colours = ("car", "butterfly", "bus"), ("red", "orange")
    return [
        Told(
            kind=kinds[int(rng.integers(3))],
            colour=colours[int(rng.integers(2))],
            box=(x, y, x + 0.15, y + 0.2),
        )
        for x, y in corners.tolist()
    ]


def test_things_are_told_before_their_setting() -> None:
    assert _text(things_first(THINGS, "sea")) == (
        "a red car, two white birds, an orange tree and a blue bird by the sea"
    )


def test_the_setting_is_told_before_its_things() -> None:
    assert _text(setting_first(THINGS, "room")) == (
        "a room with a red car, two white birds, an orange tree and a blue bird"
    )


def test_things_are_told_side_by_side() -> None:
    assert _text(side_by_side(THINGS, "street")) == (
        "on the left a red car and a white bird, in the middle an orange tree, "
        "on the right a white bird and a blue bird"
    )


def test_a_side_without_things_is_not_told() -> None:
    assert _text(side_by_side(THINGS[2:3], "street")) == "in the middle an orange tree"


@pytest.mark.parametrize("phrasing", PHRASINGS)
def test_a_caption_tells_exactly_the_things(phrasing: Phrasing) -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        things = _random_things(rng)
        setting = SETTINGS[int(rng.integers(len(SETTINGS)))]

        told = caption_things(_text(phrasing(things, setting)))

        assert Counter(told) == Counter((thing.colour, thing.kind) for thing in things)


@pytest.mark.parametrize("phrasing", PHRASINGS)
def test_a_word_names_the_things_that_it_is_about(phrasing: Phrasing) -> None:
    for seed in range(100):
        things = _random_things(np.random.default_rng(seed))
        words = phrasing(things, "meadow")

        named = Counter(index for word in words for index in word.names)
        assert set(named) == set(range(len(things)))
        for word in words:
            text, own = _bare(word), [things[index] for index in word.names]
            assert bool(own) == (text not in ("a", "an", "and", "with", "meadow", *_side_words()))
            if text in COLOURS:
                assert {thing.colour for thing in own} == {text}
            elif text in KINDS:
                assert [thing.kind for thing in own] == [text]
            elif own and text in {kind.plural for kind in KINDS.values()}:
                assert {KINDS[thing.kind].plural for thing in own} == {text}
                assert len(own) > 1


def _side_words() -> set[str]:
    return {word for side in SIDES for word in side.split()}


def test_the_pointer_circles_what_a_word_is_about() -> None:
    car, birds = THINGS[0].box, (0.1, 0.0, 0.8, 0.2)
    words = things_first(THINGS[:2] + THINGS[3:4], "street")

    assert [(word.text, word.path, word.circles) for word in words] == [
        ("a", car, True),
        ("red", car, True),
        ("car", car, True),
        ("and", (0.1, 0.6, 0.45, 0.1), False),  # a walk from the middle of one to the next
        ("two", birds, True),
        ("white", birds, True),
        ("birds", birds, True),
        ("on", WHOLE, True),
        ("a", WHOLE, True),
        ("street", WHOLE, True),
    ]


def test_the_pointer_circles_the_side_that_is_told() -> None:
    words = side_by_side(THINGS[2:], "street")

    paths = {word.text: word.path for word in words}
    assert paths["middle"] == pytest.approx((1 / 3, 0, 2 / 3, 1))
    assert paths["right"] == pytest.approx((2 / 3, 0, 1, 1))


@pytest.mark.parametrize(("left", "side"), [(0.0, 0), (0.25, 1), (0.5, 1), (0.6, 2), (0.8, 2)])
def test_a_side_is_the_third_that_the_middle_is_in(left: float, side: int) -> None:
    assert Told("car", "red", (left, 0.0, left + 0.2, 0.5)).side == side


def test_the_article_fits_the_word() -> None:
    assert [article(colour) for colour in COLOURS] == [
        "an" if colour == "orange" else "a" for colour in COLOURS
    ]


def test_phrasings_are_chosen_by_their_odds() -> None:
    texts = [
        " ".join(word.text for word in script(np.random.default_rng(seed), THINGS, "sea"))
        for seed in range(600)
    ]
    known = [_text(phrasing(THINGS, "sea")) for phrasing in PHRASINGS]

    for text, odds in zip(known, ODDS, strict=True):
        assert texts.count(text) / len(texts) == pytest.approx(odds, abs=0.06)
    assert set(texts) == set(known)


def test_words_cover_the_caption_but_for_its_spaces() -> None:
    words = side_by_side(THINGS, "street")

    caption = speak(np.random.default_rng(0), words, 300, 200)

    assert [caption.text[place.start : place.end] for place in caption.words] == [
        word.text for word in words
    ]
    assert " ".join(word.text for word in words) == caption.text


def test_a_word_is_placed_where_the_pointer_circles() -> None:
    width, height = 300, 200
    for seed in range(40):
        words = things_first(THINGS, "street")
        caption = speak(np.random.default_rng(seed), words, width, height)

        for word, place in zip(words, caption.words, strict=True):
            x0, y0, x1, y1 = _pixels(word.path, width, height)
            if not word.circles:
                x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
            allowed = 0.06 * max(x1 - x0, y1 - y0) + 1e-6
            assert place.box == pytest.approx((x0, y0, x1, y1), abs=allowed)


def _pixels(box: Box, width: int, height: int) -> Box:
    return box[0] * width, box[1] * height, box[2] * width, box[3] * height


def test_the_trace_is_spoken_in_time() -> None:
    for seed in range(40):
        caption = speak(np.random.default_rng(seed), things_first(THINGS, "sea"), 100, 100)
        narrative = caption.narrative
        times = np.concatenate(narrative.traces)[:, 2]
        spans = [(u.start_time, u.end_time) for u in narrative.timed_caption]

        assert (np.diff(times) >= 0).all()
        assert times[0] == spans[0][0]
        assert times[-1] == spans[-1][1]
        assert all(start < end for start, end in spans)
        assert all(end < after for (_, end), (after, _) in pairwise(spans))


def test_the_hand_lifts_between_things() -> None:
    caption = speak(np.random.default_rng(0), things_first(THINGS[:2], "sea"), 100, 100)

    # the car, "and", the bird, the sea
    words = [3, 1, 3, 3]
    assert [len(trace) for trace in caption.narrative.traces] == [17 * count for count in words]


def test_the_same_generator_speaks_the_same_narrative() -> None:
    words = things_first(THINGS, "sea")

    one, other, different = (
        speak(np.random.default_rng(seed), words, 100, 80).narrative.to_json() for seed in (1, 1, 2)
    )

    assert one == other != different
