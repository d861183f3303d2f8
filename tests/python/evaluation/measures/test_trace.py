"""Places of words against their traces, from predictions to distances."""

from dataclasses import replace

import numpy as np
import pytest

from pixelllm.data.narrative import Narrative, Utterance
from pixelllm.data.sample import Box, SpokenCaption
from pixelllm.evaluation.measures.trace import (
    ReleaseTraceMeasure,
    TraceMeasure,
    placed_captions,
)
from pixelllm.evaluation.results import Record, ResultsError
from tests.python.evaluation.measures.samples import pets, spoken

A: Box = (0.0, 0.0, 20.0, 10.0)
B: Box = (50.0, 20.0, 70.0, 30.0)
C: Box = (80.0, 40.0, 100.0, 50.0)


def record(*corners: Box, starts: tuple[int, ...] = (0, 2, 6)) -> Record:
    return {
        "image_id": 3,
        "index": 0,
        "caption": "a cat sits",
        "starts": list(starts),
        "corners": [list(box) for box in corners],
    }


def test_right_places_have_no_distance() -> None:
    measure = TraceMeasure()

    assert measure.add(0, spoken(A, B, C), [record(A, B, C)]) == 0

    scores = measure.scores()
    assert scores.value("point_l1") == scores.value("lbm_0") == scores.value("lbm_1") == 0.0


def test_distances_are_in_parts_of_the_image() -> None:
    moved = (60.0, 25.0, 80.0, 35.0)  # B by a tenth of the width and of the height

    measure = TraceMeasure()
    measure.add(0, spoken(A, B, C), [record(A, moved, C)])

    # Each corner is a tenth off in x and y, of one word in three.
    assert measure.scores().value("point_l1") == pytest.approx(0.1 / 3)
    assert measure.scores().value("lbm_0") == pytest.approx(0.1 / 3)


def test_words_that_changed_places_are_near_in_a_window() -> None:
    measure = TraceMeasure()
    measure.add(0, spoken(A, B, C), [record(B, A, C)])

    scores = measure.scores()
    assert scores.value("lbm_1") == pytest.approx(0.0)
    assert (scores.value("lbm_0") or 0) > 0.1


def test_a_word_of_several_tokens_has_the_box_around_theirs() -> None:
    """Point L1 counts every token, matching every word."""
    left, right = (50.0, 20.0, 60.0, 30.0), (60.0, 20.0, 70.0, 30.0)
    measure = TraceMeasure()

    measure.add(0, spoken(A, B, C), [record(A, left, right, C, starts=(0, 2, 4, 6))])

    scores = measure.scores()
    assert scores.value("lbm_0") == pytest.approx(0.0)
    # A corner of each half is 10 pixels of 100 off, in x only.
    assert scores.value("point_l1") == pytest.approx(2 * (0.1 / 2 / 2) / 4)


def test_words_without_a_place_do_not_count() -> None:
    measure = TraceMeasure()
    measure.add(0, spoken(A, (0, 0, 0, 0), C), [record(A, B, C)])

    assert measure.scores().value("point_l1") == 0.0


def test_places_outside_the_image_count_for_points_as_they_are() -> None:
    beyond = (80.0, 40.0, 120.0, 50.0)
    measure = TraceMeasure()
    measure.add(0, spoken(A, B, C), [record(A, B, beyond)])

    assert measure.scores().value("point_l1") == pytest.approx(0.2 / 2 / 2 / 3)
    assert measure.scores().value("lbm_0") == 0.0


def test_captions_without_places_are_not_asked() -> None:
    measure = TraceMeasure()

    assert placed_captions(pets()) == []
    assert measure.ask(pets()) == []
    assert measure.ask(spoken(A, B, C)) == [{"caption": "a cat sits"}]


def test_a_caption_without_a_prediction_is_left_out() -> None:
    measure = TraceMeasure()

    assert measure.add(0, spoken(A, B, C), []) == 1
    assert measure.scores().value("point_l1") is None


def test_the_release_places_tokens_by_their_number() -> None:
    """Two utterances and four tokens: it places the first two with one, the others with the other.

    By the words, three tokens are the first's.
    """
    narrative = Narrative(
        caption="photograph it",
        timed_caption=(Utterance("photograph", 0.0, 1.0), Utterance("it", 1.0, 2.0)),
        traces=(np.array([(0.1, 0.2, 0.0), (0.1, 0.2, 0.99), (0.5, 0.6, 1.0), (0.5, 0.6, 2.0)]),),
    )
    caption = SpokenCaption("photograph it", (), narrative=narrative)
    sample = replace(spoken(A, B, C), captions=(caption,))
    first, second = (10.0, 10.0, 50.0, 30.0), (50.0, 30.0, 50.0, 30.0)
    measure = ReleaseTraceMeasure()

    assert measure.ask(sample) == [{"caption": "photograph it"}]
    own = {"caption": "photograph it", "starts": [0, 4, 8, 11]}
    measure.add(0, sample, [{**record(first, first, second, second), **own}])

    assert measure.scores().value("point_l1") == pytest.approx(0.0, abs=1e-6)
    assert measure.scores().value("lbm_0") is None, "its words have no places"


@pytest.mark.parametrize("starts", [(), (0, 2)])
def test_places_without_their_words_are_refused(starts: tuple[int, ...]) -> None:
    with pytest.raises(ResultsError, match="starts"):
        TraceMeasure().add(0, spoken(A, B, C), [record(A, B, C, starts=starts)])


def test_the_picture_shows_the_words_that_are_furthest_off() -> None:
    measure = TraceMeasure()
    measure.add(0, spoken(A, B, C), [record(A, C, C)])

    (case,) = measure.cases

    assert case.true[0] == B
    assert case.found[0] == C
    assert case.title == "a cat sits"
