"""Localized Narratives: the published form, and the place of each word in the trace."""

import numpy as np
import pytest

from pixelllm.data.narrative import Narrative, utterance_boxes, utterance_places
from pixelllm.data.scenes import draw_scene, scene_rng


def test_a_narrative_survives_its_published_form() -> None:
    caption = draw_scene(scene_rng(2, 2)).caption

    read = Narrative.from_json(caption.narrative.to_json())

    assert " ".join(u.utterance for u in read.timed_caption) == caption.text == read.caption
    assert np.array_equal(utterance_boxes(read), utterance_boxes(caption.narrative))


def test_the_place_of_an_utterance_is_the_trace_spoken_meanwhile() -> None:
    narrative = Narrative.from_json(
        {
            "caption": "one two",
            "timed_caption": [
                {"utterance": "one", "start_time": 0.0, "end_time": 1.0},
                {"utterance": "two", "start_time": 1.5, "end_time": 3.0},
            ],
            "traces": [
                [{"x": 0.2, "y": 0.4, "t": 0.0}, {"x": 0.6, "y": 0.4, "t": 2.0}],
                [{"x": 0.6, "y": 1.4, "t": 3.0}],
            ],
        }
    )

    assert utterance_boxes(narrative) == pytest.approx(
        np.array([[0.2, 0.4, 0.4, 0.4], [0.5, 0.4, 0.6, 1.0]])
    )


def test_places_keep_to_the_image() -> None:
    words = [{"utterance": "one", "start_time": 0.0, "end_time": 1.0}]
    trace = [{"x": -0.5, "y": 0.2, "t": 0.0}, {"x": 1.5, "y": 0.4, "t": 1.0}]

    narrative = Narrative.from_json({"caption": "one", "timed_caption": words, "traces": [trace]})

    assert utterance_boxes(narrative) == pytest.approx(np.array([[0.0, 0.2, 1.0, 0.4]]))


def narrative_of(span: tuple[float, float], *trace: tuple[float, float, float]) -> Narrative:
    """One utterance, and a trace of points (x, y, t)."""
    return Narrative.from_json(
        {
            "caption": "one",
            "timed_caption": [{"utterance": "one", "start_time": span[0], "end_time": span[1]}],
            "traces": [[{"x": x, "y": y, "t": t} for x, y, t in trace]],
        }
    )


def test_what_is_said_after_the_trace_lies_where_it_was_going() -> None:
    narrative = narrative_of((2.0, 3.0), (0.0, 0.5, 0.0), (0.1, 0.4, 1.0))

    places = utterance_places(narrative)

    assert places.boxes == pytest.approx(np.array([[0.2, 0.2, 0.3, 0.3]]))
    assert places.centres == pytest.approx(np.array([[0.25, 0.25]]))


def test_what_takes_no_time_has_a_place() -> None:
    narrative = narrative_of((0.5, 0.5), (0.0, 0.5, 0.0), (0.1, 0.4, 1.0))

    assert utterance_places(narrative).centres == pytest.approx(np.array([[0.05, 0.45]]))


@pytest.mark.parametrize("trace", [[(0.2, 0.3, 1.0)], [(0.2, 0.3, 1.0), (0.2, 0.3, 1.0)]])
def test_trace_in_which_no_time_passes_stays_where_it_is(
    trace: list[tuple[float, float, float]],
) -> None:
    narrative = narrative_of((0.0, 3.0), *trace)

    assert utterance_boxes(narrative) == pytest.approx(np.array([[0.2, 0.3, 0.2, 0.3]]))


def test_a_narrative_without_a_trace_has_no_places() -> None:
    words = [{"utterance": "one", "start_time": 0.0, "end_time": 1.0}]
    narrative = Narrative.from_json({"caption": "one", "timed_caption": words, "traces": [[]]})

    with pytest.raises(ValueError, match="no trace"):
        utterance_boxes(narrative)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(KeyError, match="traces"):
        Narrative.from_json({"caption": "one", "timed_caption": []})
